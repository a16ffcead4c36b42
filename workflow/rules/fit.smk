# The tables that people and figures read, one number per row.
rule fit:
    input:
        measure=expand("<results>/measure/{ensemble}/{sampler}.csv", zip, **CHAINS),
        autocorrelation=expand("<results>/autocorrelation/{ensemble}/{sampler}.csv", zip, **CHAINS),
        training=expand(
            "<results>/train/{ensemble}/training.csv", ensemble=ENSEMBLES if FLOWS else ()
        ),
        retrained=expand(
            "<results>/retrain/{ensemble}/model-{model}{kind}.csv",
            ensemble=ENSEMBLES,
            model=range(1, CONFIG.flow.models if FLOWS else 1),
            kind=("", "-training"),
        ),
        weighted=rules.weighted.output if FLOWS else [],
    output:
        [
            report(
                f"<results>/tables/{table}.csv",
                caption=f"../report/table_{table}.rst",
                category="Tables",
                labels={"table": table},
            )
            for table in TABLES
        ],
    log:
        "<logs>/fit.log",
    benchmark:
        "<benchmarks>/fit.tsv"
    localrule: True
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        settings=settings("fit"),
    shell:
        lfmc("fit")
