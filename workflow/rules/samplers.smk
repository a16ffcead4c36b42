# One rule for each sampler; all read the tuning of their ensemble, and a model where they need one.
for sampler in CLASSICAL:

    rule:
        name:
            sampler
        input:
            tuning="<results>/tune/{ensemble}.json",
            model=(
                f"<results>/train/{{ensemble}}/{CONFIG.model_flow(sampler)}.safetensors"
                if sampler in WITH_MODEL and CONFIG.model_flow(sampler)
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
