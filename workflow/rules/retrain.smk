# Further models of an ensemble, trained with other seeds, and a short chain of each: the scatter of
# tau_int from training to training, which the scaling fits need, and the spread of the cost.
rule retrain:
    input:
        start=start_file,
    output:
        times="<results>/retrain/{ensemble}/model-{model}.csv",
        training="<results>/retrain/{ensemble}/model-{model}-training.csv",
    log:
        "<logs>/retrain/{ensemble}/model-{model}.log",
    benchmark:
        "<benchmarks>/retrain/{ensemble}/model-{model}.tsv"
    wildcard_constraints:
        model=r"\d+",
    priority: first(500_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        device="cpu",  # or cuda: one GPU a task (docs/cluster.md)
        mem_mb=memory(2500),
        runtime=minutes(240),
    params:
        config=config_file,
        settings=settings("retrain"),
    shell:
        "lfmc retrain --config {params.config:q} --ensemble {wildcards.ensemble}"
        " --model {wildcards.model} --device {resources.device} > {log} 2>&1"
