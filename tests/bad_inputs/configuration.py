"""Configurations that cannot be read, or say what cannot be."""

from bad_inputs.cases import Case
from bad_inputs.preparing import configuration, configured, folder_instead, removed

CHECK = "config check"
CASES = (
    Case("missing", CHECK, ("config.yaml: cannot be read",), removed("config.yaml")),
    Case(
        "a folder", CHECK, ("config.yaml: is a folder, not a file",), folder_instead("config.yaml")
    ),
    Case("empty", CHECK, ("expected a mapping",), configuration("")),
    Case("a list", CHECK, ("expected a mapping",), configuration("- a\n- b\n")),
    Case("no YAML", CHECK, ("not valid YAML",), configuration("a: [1, 2\nb: {")),
    Case("no ensembles", CHECK, ("ensembles: missing",), configuration("seed: 1\n")),
    Case("unknown key", CHECK, ("sed: unknown key",), configured("sed", 1)),
    Case(
        "odd extent", CHECK, (r"ensembles\[0\]: extent 7 is odd",), configured("ensembles.0.L", 7)
    ),
    Case("seed below zero", CHECK, ("seed: ",), configured("seed", -1)),
    Case("lam is zero", CHECK, (r"ensembles\[0\].lam: ",), configured("ensembles.0.lam", 0)),
    Case("m2 is a word", CHECK, (r"ensembles\[0\].m2: ",), configured("ensembles.0.m2", "big")),
)
