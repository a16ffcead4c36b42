# Found by `snakemake --cores all` in the root of a clone; the workflow is workflow/Snakefile.
include: "workflow/Snakefile"


# A default target of an included file is not that of the file which includes it.
rule figures:
    default_target: True
    input:
        rules.all.input,
    localrule: True
