"""Command lines of README.md, CONTRIBUTING.md and docs/, and how each is run by a test."""

import re
from pathlib import Path
from typing import NamedTuple

FIRST = (
    r"(?:[A-Z_]+=\S+ +)*(make|snakemake|lfmc|pip|mpiexec|mpirun|python3?|srun|sbatch|salloc|squeue|"
    r"sacct|scancel|apt-get|cat|sed|git|export|module|pytest|\.venv/bin/\w+)(?= |$)"
)


class Documented(NamedTuple):
    """A command line, and the whole block of code it stands in (itself where it stands in text)."""

    command: str
    block: str


def documents(root: Path) -> list[Path]:
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def commands(text: str) -> list[Documented]:
    """Every line of a block of code that begins with a command, and such code within sentences."""
    found = []
    for block in _blocks(text):
        for line in block.splitlines():
            if re.match(FIRST, line):
                found.append(Documented(_normal(re.sub(r" +#.*", "", line)), block))
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", outside):
        command = _normal(code)
        if re.match(FIRST, command) and " " in command:
            found.append(Documented(command, command))
    return found


def _blocks(text: str) -> list[str]:
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^ {4}.*\n)+", text, re.MULTILINE)
    return fenced + [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented]


def _normal(command: str) -> str:
    return " ".join(command.split())


HELP = r"\g<0> --help"
DRY_MAKE = r"make -n \g<1>"
# Pattern of a whole command line -> the script that runs it in a copy with a tiny finished run, or
# None and why it cannot be run here. The first that matches counts; a line without one is a fault.
RULES: tuple[tuple[str, str | None, str], ...] = (
    # As they are.
    (r"make figures|make help|make schema|make \.venv/\.installed", r"\g<0>", ""),
    (r"snakemake (--cores all|--unlock)", r"\g<0>", ""),
    (r"lfmc run", r"\g<0>", ""),
    (
        r"lfmc init",
        "mkdir -p of-init; cd of-init; rm -f config.yaml; lfmc init; lfmc config check",
        "",
    ),
    (r"lfmc run --(preset (smoke|u1)|profile slurm)", r"\g<0> -- --dry-run", ""),
    (
        r"lfmc run --config my\.yaml",
        r"lfmc config preset smoke > my.yaml; \g<0> -- --dry-run",
        "",
    ),
    (r"lfmc (hmc|train) --(ensemble E1|help)", r"\g<0>", ""),
    (r"mpiexec -n [24] lfmc (train|propose) .*E5.*", r"\g<0>", ""),
    (
        r"lfmc (fit|gates|logz|weighted|summary|report|verify|plot tau_int|plot --all|--help)",
        r"\g<0>",
        "",
    ),
    (r"lfmc config (check|preset|schema|settings --stage hmc --ensemble E1)", r"\g<0>", ""),
    (r"lfmc config preset (\w+) > (\w+)\.yaml", r"\g<0>; lfmc config check \2.yaml", ""),
    (r"python -m benchmarks --help", r"\g<0>", ""),
    (r"python -m lfmc", HELP, ""),
    (r"\.venv/bin/pytest tests/test_base_action\.py", r"\g<0>", ""),
    (
        r"lfmc export (.*) --to (npy|hdf5|pyerrors) (\S+)",
        r"rm -rf \3; lfmc export \1 --to \2 \3",
        "",
    ),
    (
        r"lfmc (logq results/train/E1/flow-70\.safetensors fields\.npy( -o \w+\.npy)?|"
        r"import fields\.npy --ensemble E1 --name elsewhere)",
        "rm -rf for-logq; lfmc export results/hmc/E1.h5 --to npy for-logq; "
        "cp for-logq/fields.npy .; \\g<0>",
        "",
    ),
    (
        r"lfmc (import --ensemble E --sampler X|\w+ --ensemble E1 --sampler their-hmc)",
        "rm -rf for-import; lfmc export results/hmc/E1.h5 --to npy for-import; "
        "cp config.yaml imported.yaml; "
        "echo 'imported: { their-hmc: { E1: for-import/fields.npy } }' >> imported.yaml; "
        "for stage in import measure; do "
        "lfmc $stage --ensemble E1 --sampler their-hmc --config imported.yaml; done",
        "",
    ),
    (
        r"lfmc hmc --ensemble E1 --start fields\.npy",
        "python -c \"import numpy; numpy.save('fields.npy', numpy.zeros((2, 4, 4)))\"; "
        "mkdir -p of-start; cp -r results/tune of-start; \\g<0> --results of-start",
        "",
    ),
    (r"lfmc import FIELDS", "lfmc import --help", ""),
    (r"lfmc compare results (results-2)( --limit 3)?", r"ln -sfn results \1; \g<0>", ""),
    # With names for the placeholders.
    (
        r"lfmc hybrid --ensemble E",
        "python -c \"import yaml; c = yaml.safe_load(open('config.yaml')); "
        "c['samplers']['hybrid'] = {'between': 2}; yaml.safe_dump(c, open('hybrid.yaml', 'w'))\"; "
        "lfmc hybrid --ensemble E1 --config hybrid.yaml",
        "",
    ),
    (
        r"lfmc latent-hmc --ensemble E",
        "python -c \"import yaml; c = yaml.safe_load(open('config.yaml')); "
        "c['samplers']['latent-hmc'] = {'steps': 2}; c['statistics']['configurations'] = 2000; "
        "yaml.safe_dump(c, open('latent.yaml', 'w'))\"; "
        "lfmc latent-hmc --ensemble E1 --config latent.yaml",
        "",
    ),
    (r"lfmc (\w+) --ensemble E", r"\g<0>1", ""),
    (r"lfmc train --config FILE --ensemble E", "lfmc train --config config.yaml --ensemble E1", ""),
    (r"lfmc retrain --ensemble E --model K", "lfmc retrain --ensemble E1 --model 1", ""),
    (
        r"lfmc (\w+) --ensemble E --sampler (flow-50|X)",
        r"lfmc \1 --ensemble E1 --sampler flow-50",
        "",
    ),
    (
        r"lfmc hmc/local/cluster --ensemble E",
        "for s in hmc local cluster; do lfmc $s --ensemble E1; done",
        "",
    ),
    (
        r"lfmc reweight --ensemble (E|E1) --sampler (X|cluster) --set (\S+)",
        r"lfmc reweight --ensemble E1 --sampler cluster --set \3",
        "",
    ),
    (r"lfmc plot (FIGURE|NAME)", "lfmc plot greens", ""),
    (r"lfmc conformance KIND", "lfmc conformance free", ""),
    (r"lfmc show", "lfmc show results/hmc/E1.h5", ""),
    (r"lfmc show FILE", "lfmc show results/train/E1/flow-70.safetensors", ""),
    (r"lfmc show results-smoke/(.*)/S4/(.*)", r"lfmc show results/\1/E1/\2", ""),
    (r"lfmc config check FILE", "lfmc config check config.yaml", ""),
    (
        r"lfmc config check/schema/preset/settings",
        "for c in check schema preset 'settings --stage fit'; do lfmc config $c; done",
        "",
    ),
    (
        r"python tests/same_results\.py RESULTS OTHER",
        "python tests/same_results.py results results",
        "",
    ),
    (r"sed (.*) FILE \| sha256sum", r"sed \1 results/hmc/E1.h5 | sha256sum", ""),
    (
        r"(python benchmarks/studies/scaling\.py) CONFIG ENSEMBLE SAMPLER",
        r"\1 config.yaml E1 flow-70 2",
        "",
    ),
    (
        r"(python benchmarks/studies/"
        r"(latent_volume|cpn_\w+|hierarchy_scores|phi4_hierarchy)\.py)( .*)?",
        r"\1 --help",
        "",
    ),
    (
        r"mpiexec -n N (python benchmarks/studies/training_ranks\.py config\.yaml E5)",
        r"mpiexec -n 2 \1",
        "",
    ),
    (r"mpiexec -n N", "mpiexec -n 2 lfmc --version", ""),
    (
        r"lfmc tune-couplings --L 20 (.*)",
        r"lfmc tune-couplings --L 4 \1 --tolerance 0.2",
        "",
    ),
    (
        r"lfmc tune-couplings (--set .*)",
        r"lfmc tune-couplings --L 4 \1 --tolerance 0.2",
        "",
    ),
    (r"lfmc tune-couplings --config FILE|lfmc tune-couplings", "lfmc tune-couplings --help", ""),
    (r"snakemake couplings", r"\g<0> --cores 1 --dry-run", ""),
    # Tiny, where the real one takes hours; the dry form, where another test runs it.
    (
        r"make figures CONFIG=paper\.yaml",
        r"lfmc config preset realnvp > paper.yaml; python tiny.py paper.yaml; \g<0>",
        "",
    ),
    (  # these theories and dimensions run to their figures in tests of their own
        r"make figures CONFIG=(config/[\w-]+\.yaml)",
        r"snakemake --cores 1 --configfile \1 --dry-run",
        "",
    ),
    (
        r"make figures CONFIG=my\.yaml",
        r"lfmc config preset smoke > my.yaml; make -n figures CONFIG=my.yaml",
        "",
    ),
    (
        r"snakemake --cores all --configfile my\.yaml",
        r"lfmc config preset smoke > my.yaml; \g<0> --dry-run",
        "",
    ),
    (
        r"snakemake --forcerun results/train/E/(\S+)",
        r"snakemake --forcerun results/train/E1/\1 --cores 1 --dry-run",
        "",
    ),
    (r"lfmc run --config config/(scan|phases)\.yaml", r"\g<0> -- --dry-run", ""),
    (r"snakemake --set-resources train:device=cuda", r"\g<0> --cores 1 --dry-run", ""),
    (
        r"snakemake --workflow-profile (\S+) \[--configfile FILE\]",
        r"snakemake --workflow-profile \1 --configfile config.yaml --dry-run",
        "",
    ),
    (r"LFMC_SITE=.* snakemake --workflow-profile .*", "{block} --dry-run", ""),
    (r"cat > site\.yaml <<'END'|sed 's/ranks: 1/ranks: 4/' .*", "{block} --dry-run", ""),
    (r"(\.venv/bin/pytest -m .*)", r"\1 --markers", ""),
    (r"make ((test|smoke|lint|format|lock|bench|report|docs)\b.*)", DRY_MAKE, ""),
    (r"make (PIP_ARGS=.*)", DRY_MAKE, ""),
    # Names of commands and programs with arguments of one's own: they start and explain themselves.
    (r"lfmc (tune|train|retrain|propose|accept|measure|autocorrelation|conformance|hmc)", HELP, ""),
    (r"lfmc (export|import|logq|compare|critical|reweight)", HELP, ""),
    (r"(python -m benchmarks\.studies\.\w+) --folder DIR", r"\1 --help", ""),
    (r"(python3 workflow/slurm/try_slurm\.py) (up|status|down)", r"\1 \2 --help", ""),
    (
        r"lfmc conformance lfmc_example\.phi6",
        "python -m pip install --quiet --no-index --no-deps --no-build-isolation "
        '--target of-plugin examples/plugin; PYTHONPATH="of-plugin:$PYTHONPATH" '
        "lfmc conformance lfmc_example.phi6",
        "",
    ),
    # Not run here.
    (r"pip install .*", None, "needs a network; .ci/run makes the environment from the lock file"),
    (r"apt-get install .*", None, "packages of the system; `make test-slurm` installs them"),
    (r"srun --mpi=.*", None, "a launcher in a sentence; tests marked slurm use it"),
    (r"squeue --me", None, "Slurm's own"),
)


def script_of(documented: Documented) -> tuple[str | None, str]:
    """The script that runs a command line, or None and the reason.

    Raises:
        KeyError: no rule knows this line.
    """
    for pattern, template, reason in RULES:
        match = re.fullmatch(pattern, documented.command)
        if match:
            if template is None:
                return None, reason
            return match.expand(template.replace("{block}", "@")).replace(
                "@", documented.block.rstrip()
            ), ""
    raise KeyError(documented.command)
