rule cluster:
    input:
        tuning="<results>/tune/{ensemble}.json",
    output:
        update("<results>/cluster/{ensemble}.h5"),  # a longer chain continues the one that is there
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
