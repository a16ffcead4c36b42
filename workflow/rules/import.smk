# Chains of other programs, which the section `imported` names; measured like those of samplers.
rule:
    name:
        "import"
    input:
        fields=imported_files,
    output:
        "<results>/import/{ensemble}/{sampler}.h5",
    log:
        "<logs>/import/{ensemble}/{sampler}.log",
    benchmark:
        "<benchmarks>/import/{ensemble}/{sampler}.tsv"
    priority: first(10_000)
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        settings=settings("import"),
    shell:
        lfmc("import", "--ensemble {wildcards.ensemble:q} --sampler {wildcards.sampler:q}")
