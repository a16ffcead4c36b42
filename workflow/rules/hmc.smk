rule hmc:
    input:
        tuning="<results>/tune/{ensemble}.json",
    output:
        "<results>/hmc/{ensemble}.h5",
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
        config=config_file,
        settings=settings("hmc"),
    shell:
        "lfmc hmc --config {params.config:q} --ensemble {wildcards.ensemble} > {log} 2>&1"
