rule local:
    input:
        tuning="<results>/tune/{ensemble}.json",
    output:
        update("<results>/local/{ensemble}.h5"),  # a longer chain continues the one that is there
    log:
        "<logs>/local/{ensemble}.log",
    benchmark:
        "<benchmarks>/local/{ensemble}.tsv"
    priority: first(10_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(60),
    params:
        settings=settings("local"),
    shell:
        lfmc("local", "--ensemble {wildcards.ensemble:q}")
