rule tune:
    output:
        "<results>/tune/{ensemble}.json",
    log:
        "<logs>/tune/{ensemble}.log",
    benchmark:
        "<benchmarks>/tune/{ensemble}.tsv"
    priority: first(20_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(20),
    params:
        settings=settings("tune"),
    shell:
        lfmc("tune", "--ensemble {wildcards.ensemble:q}")
