# Observables by the importance weights of all flows, without a chain, and their difference to it.
rule weighted:
    input:
        expand(
            "<results>/{stage}/{ensemble}/{flow}.h5",
            stage=("propose", "accept"),
            ensemble=ENSEMBLES,
            flow=FLOWS,
        ),
    output:
        report(
            "<results>/tables/weighted.csv",
            caption="../report/table_weighted.rst",
            category="Tables",
            labels={"table": "weighted"},
        ),
    log:
        "<logs>/weighted.log",
    benchmark:
        "<benchmarks>/weighted.tsv"
    priority: 20_000  # beside the measurements of chains, not after them on one core
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        settings=settings("weighted"),
    shell:
        lfmc("weighted")
