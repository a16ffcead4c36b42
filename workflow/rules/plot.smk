# Gates come first: nothing is drawn from numbers that failed an exact identity.
rule plot:
    input:
        gates="<results>/tables/gates.csv",
        files=[
            f"<results>/{path}"
            for path in dict.fromkeys(path for name in FIGURES for path in inputs(name, CONFIG))
        ],
    output:
        png=[
            report(
                f"<results>/figures/{name}.png",
                caption=f"../report/{name}.rst",
                category=entry.category,
                labels={"figure": entry.title},
            )
            for name, entry in FIGURES.items()
        ],
        pdf=expand("<results>/figures/{figure}.pdf", figure=FIGURES),
        caption=expand("<results>/figures/{figure}.txt", figure=FIGURES),
    log:
        "<logs>/plot.log",
    benchmark:
        "<benchmarks>/plot.tsv"
    conda:
        "../envs/lfmc.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        settings=settings("plot"),
    shell:
        lfmc("plot", "--all --jobs {threads}")
