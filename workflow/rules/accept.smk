rule accept:
    input:
        proposals="<results>/propose/{ensemble}/{sampler}.h5",
    output:
        "<results>/accept/{ensemble}/{sampler}.h5",
    log:
        "<logs>/accept/{ensemble}/{sampler}.log",
    benchmark:
        "<benchmarks>/accept/{ensemble}/{sampler}.tsv"
    priority: first(100_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(20),
    params:
        settings=settings("accept"),
    shell:
        lfmc("accept", "--ensemble {wildcards.ensemble:q} --sampler {wildcards.sampler:q}")
