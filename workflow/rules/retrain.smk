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
    threads: CONFIG.flow.training.ranks
    resources:
        device="cpu",  # or cuda: one GPU per task (docs/cluster.md)
        mpi="yes" if CONFIG.flow.training.ranks > 1 else "",  # read by the executor
        launcher="mpiexec",  # what starts the ranks; a profile chooses another
        tasks=CONFIG.flow.training.ranks,
        mem_mb=memory(2500 * CONFIG.flow.training.ranks),
        runtime=minutes(240),
    params:
        launcher=launcher,
        settings=settings("retrain"),
    shell:
        lfmc_on_ranks("retrain", "--ensemble {wildcards.ensemble:q} --model {wildcards.model:q}")
