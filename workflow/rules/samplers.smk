# One rule for each sampler; all read the tuning of their ensemble, and hybrid chains a model.
for sampler in CLASSICAL:

    rule:
        name:
            sampler
        input:
            tuning="<results>/tune/{ensemble}.json",
            model=(
                f"<results>/train/{{ensemble}}/{CONFIG.hybrid_flow}.safetensors"
                if sampler == "hybrid" and CONFIG.hybrid_flow
                else []
            ),
        output:
            update(f"<results>/{sampler}/{{ensemble}}.h5"),  # a longer chain continues the one that is there
        log:
            f"<logs>/{sampler}/{{ensemble}}.log",
        benchmark:
            f"<benchmarks>/{sampler}/{{ensemble}}.tsv"
        priority: first(10_000)
        conda:
            "../envs/lfmc.yaml"
        threads: 1
        resources:
            mem_mb=memory(1500),
            runtime=minutes(60),
            command=sampler,  # Snakemake evaluates `shell` after the loop, when `sampler` is the last
        params:
            settings=settings(sampler),
        shell:
            lfmc("{resources.command}", "--ensemble {wildcards.ensemble:q}")
