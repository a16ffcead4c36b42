rule autocorrelation:
    input:
        unpack(chain_files),
    output:
        "<results>/autocorrelation/{ensemble}/{sampler}.csv",
    log:
        "<logs>/autocorrelation/{ensemble}/{sampler}.log",
    benchmark:
        "<benchmarks>/autocorrelation/{ensemble}/{sampler}.tsv"
    priority: first(0)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        settings=settings("autocorrelation"),
    shell:
        lfmc("autocorrelation", "--ensemble {wildcards.ensemble:q} --sampler {wildcards.sampler:q}")
