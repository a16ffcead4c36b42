rule hmc:
    input:
        tuning="<results>/tune/{ensemble}.json",
    output:
        update("<results>/hmc/{ensemble}.h5"),  # a longer chain continues the one that is there
    log:
        "<logs>/hmc/{ensemble}.log",
    benchmark:
        "<benchmarks>/hmc/{ensemble}.tsv"
    priority: first(10_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(60),
    params:
        settings=settings("hmc"),
    shell:
        lfmc("hmc", "--ensemble {wildcards.ensemble:q}")
