rule cluster:
    input:
        tuning="<results>/tune/{ensemble}.json",
    output:
        "<results>/cluster/{ensemble}.h5",
    log:
        "<logs>/cluster/{ensemble}.log",
    benchmark:
        "<benchmarks>/cluster/{ensemble}.tsv"
    priority: first(10_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(60),
    params:
        settings=settings("cluster"),
    shell:
        lfmc("cluster", "--ensemble {wildcards.ensemble:q}")
