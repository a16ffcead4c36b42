rule measure:
    input:
        unpack(chain_files),
    output:
        table="<results>/measure/{ensemble}/{sampler}.csv",
        bins="<results>/measure/{ensemble}/{sampler}.h5",
    log:
        "<logs>/measure/{ensemble}/{sampler}.log",
    benchmark:
        "<benchmarks>/measure/{ensemble}/{sampler}.tsv"
    priority: first(0)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        settings=settings("measure"),
    shell:
        lfmc("measure", "--ensemble {wildcards.ensemble:q} --sampler {wildcards.sampler:q}")
