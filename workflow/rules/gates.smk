# A failed gate ends the run here, before any figure; what failed is printed and in the log. The same
# numbers fail again, so it is not repeated.
rule gates:
    input:
        rules.fit.output,
        rules.weighted.output if FLOWS else [],
    output:
        report(
            "<results>/tables/gates.csv",
            caption="../report/table_gates.rst",
            category="Tables",
            labels={"table": "gates"},
        ),
    log:
        "<logs>/gates.log",
    benchmark:
        "<benchmarks>/gates.tsv"
    retries: 0
    localrule: True
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        settings=settings("gates"),
    shell:
        lfmc("gates")
