# Beside the figures: `snakemake couplings` finds the couplings of the section of that name.
EXTENTS = CONFIG.couplings.L if CONFIG.couplings else ()


rule tune_couplings:
    output:
        multiext("<results>/couplings/L{extent}", ".json", ".csv", ".yaml", ".pdf", ".png", ".txt"),
    log:
        "<logs>/couplings/L{extent}.log",
    benchmark:
        "<benchmarks>/couplings/L{extent}.tsv"
    wildcard_constraints:
        extent=r"\d+",
    conda:
        "../envs/lfmc.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(120),
    params:
        settings=search_settings,  # of one lattice, and no others
    shell:
        lfmc("tune-couplings", "--L {wildcards.extent:q}")


# The ensembles of all L, to be added to a configuration.
rule couplings:
    input:
        expand("<results>/couplings/L{extent}.json", extent=EXTENTS),
    output:
        "<results>/couplings/ensembles.yaml",
    log:
        "<logs>/couplings/ensembles.log",
    localrule: True
    conda:
        "../envs/lfmc.yaml"
    params:
        extents=EXTENTS,
    shell:
        lfmc("tune-couplings")
