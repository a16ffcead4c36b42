# The critical point of a scan, from the chains of one sampler; the figure `critical` reads it.
rule critical:
    input:
        unpack(scan_files),
    output:
        report(
            "<results>/tables/critical.csv",
            caption="../report/table_critical.rst",
            category="Tables",
            labels={"table": "critical"},
        ),
        "<results>/tables/curves.csv",
    log:
        "<logs>/critical.log",
    benchmark:
        "<benchmarks>/critical.tsv"
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(20),
    params:
        settings=settings("critical"),
    shell:
        lfmc("critical")
