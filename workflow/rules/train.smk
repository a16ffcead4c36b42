# The longest jobs of the DAG: the largest lattice starts first, and nothing else before them.
# Checkpoints lie in results/work/, so an interrupted training continues where it was.
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
    threads: 1
    resources:
        device="cpu",  # or cuda: one GPU a task (docs/cluster.md)
        mem_mb=memory(2000),
        runtime=minutes(240),
    params:
        config=config_file,
        settings=settings("train"),
    shell:
        "lfmc train --config {params.config:q} --ensemble {wildcards.ensemble}"
        " --device {resources.device} > {log} 2>&1"
