# Any number of ranks gives the same bits, so `propose.ranks` is a resource and no rerun trigger.
rule propose:
    input:
        model="<results>/train/{ensemble}/{sampler}.safetensors",
    output:
        update("<results>/propose/{ensemble}/{sampler}.h5"),  # its blocks are used again
    log:
        "<logs>/propose/{ensemble}/{sampler}.log",
    benchmark:
        "<benchmarks>/propose/{ensemble}/{sampler}.tsv"
    priority: first(100_000)
    conda:
        "../envs/lfmc.yaml"
    threads: CONFIG.propose.ranks
    resources:
        device="cpu",  # or cuda: one GPU per task (docs/cluster.md)
        mpi="yes" if CONFIG.propose.ranks > 1 else "",  # read by the executor
        launcher="mpiexec",  # what starts the ranks; a profile chooses another
        tasks=CONFIG.propose.ranks,
        mem_mb=memory(1500),
        runtime=minutes(120),
    params:
        launcher=launcher,
        settings=settings("propose"),
    shell:
        lfmc_on_ranks(
            "propose", "--ensemble {wildcards.ensemble:q} --sampler {wildcards.sampler:q}"
        )
