# log Z of all flows from the weights of their proposals; nothing else reads it.
rule logz:
    input:
        expand("<results>/propose/{ensemble}/{flow}.h5", ensemble=ENSEMBLES, flow=FLOWS),
    output:
        report(
            "<results>/tables/log_Z.csv",
            caption="../report/table_log_Z.rst",
            category="Tables",
            labels={"table": "log_Z"},
        ),
    log:
        "<logs>/logz.log",
    benchmark:
        "<benchmarks>/logz.tsv"
    priority: 20_000
    localrule: True
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        settings=settings("logz"),
    shell:
        lfmc("logz")
