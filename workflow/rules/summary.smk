# The main numbers of the run, for people: the head of summary.md ends the run's output.
rule summary:
    input:
        rules.fit.output,
        rules.gates.output,
    output:
        report(
            "<results>/summary.md",
            caption="../report/summary.rst",
            category="Summary",
            labels={"file": "summary.md"},
        ),
        "<results>/summary.tex",
    log:
        "<logs>/summary.log",
    benchmark:
        "<benchmarks>/summary.tsv"
    localrule: True
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        settings=settings("summary"),
    shell:
        lfmc("summary")
