# The longest jobs of the DAG: the largest lattice starts first, and nothing else before them.
# Checkpoints lie in results/work/, so an interrupted training continues where it was. Any number of
# ranks gives the same bits: `flow.training.ranks` is a resource and no rerun trigger.
rule train:
    input:
        start=start_file,
    output:
        models=expand("<results>/train/{{ensemble}}/{flow}.safetensors", flow=FLOWS),
        history="<results>/train/{ensemble}/history.csv",
        training="<results>/train/{ensemble}/training.csv",
    log:
        "<logs>/train/{ensemble}.log",
    benchmark:
        "<benchmarks>/train/{ensemble}.tsv"
    priority: first(1_000_000)
    conda:
        "../envs/lfmc.yaml"
    threads: CONFIG.flow.training.ranks
    resources:
        device="cpu",  # or cuda: one GPU per task (docs/cluster.md)
        mpi="yes" if CONFIG.flow.training.ranks > 1 else "",  # read by the executor
        launcher="mpiexec",  # what starts the ranks; a profile chooses another
        tasks=CONFIG.flow.training.ranks,
        mem_mb=memory(2000 * CONFIG.flow.training.ranks),
        runtime=minutes(240),
    params:
        launcher=launcher,
        settings=settings("train"),
    shell:
        lfmc_on_ranks("train", "--ensemble {wildcards.ensemble:q}")
