rule verify:
    input:
        unpack(chain_files),
        model=model_file,
    output:
        "<results>/verify/{ensemble}/{sampler}.json",
    log:
        "<logs>/verify/{ensemble}/{sampler}.log",
    benchmark:
        "<benchmarks>/verify/{ensemble}/{sampler}.tsv"
    priority: first(0)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(20),
    params:
        settings=settings("verify"),
    shell:
        lfmc("verify", "--ensemble {wildcards.ensemble:q} --sampler {wildcards.sampler:q}")
