"""Claims about the workflow before anything runs: complete, linted, and quick to refuse."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.unit


def snakemake(root: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Snakemake on the repository's workflow, with results in another folder."""
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")),
        *("--directory", str(folder), "--cores", "1"),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def jobs(dry_run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Rule -> number of jobs, from the table of a dry run."""
    assert dry_run.returncode == 0, dry_run.stdout + dry_run.stderr
    table = re.findall(r"^(\w+) +(\d+)$", dry_run.stdout + dry_run.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in table if rule != "total"}


@pytest.fixture
def configured(tmp_path, root):
    shutil.copy(root / "config.yaml", tmp_path / "config.yaml")
    return tmp_path


def test_the_default_dag_is_the_papers(root, configured):
    found = jobs(snakemake(root, configured, "--dry-run"))
    each = {"tune": 5, "train": 5, "hmc": 5, "local": 5, "cluster": 5}
    flows = {"propose": 15, "accept": 15}
    chains = {"measure": 30, "autocorrelation": 30, "verify": 30}
    once = {"fit": 1, "gates": 1, "logz": 1, "summary": 1, "plot": 1, "figures": 1}
    once["weighted"] = 1
    assert found == {**each, **flows, **chains, "retrain": 10, **once}


def test_a_preset_replaces_the_configuration_and_is_not_merged_with_it(root, configured):
    preset = root / "lfmc" / "data" / "presets" / "smoke.yaml"
    done = snakemake(root, configured, "--dry-run", "--configfile", str(preset))
    assert jobs(done)["train"] == 3
    assert "results-smoke/" in done.stdout + done.stderr
    assert "E5" not in done.stdout + done.stderr


def test_all_errors_of_a_configuration_are_reported_before_anything_is_scheduled(root, tmp_path):
    (tmp_path / "config.yaml").write_text(
        "sed: 1\nensembles:\n  - { name: A, L: 7, m2: -4.0, lam: 8.0 }\nfit: { L: [1] }\n"
    )
    done = snakemake(root, tmp_path, "--dry-run")
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "ensembles[0]: extent 7 is odd" in text
    assert "fit.L: needs at least three" in text
    assert "sed: unknown key" in text
    assert "Traceback" not in text
    assert not (tmp_path / "results").exists()


def test_couplings_are_sought_on_request_one_lattice_per_job(root, configured):
    with (configured / "config.yaml").open("a") as file:
        file.write("couplings: { L: [6, 8], theory: { kind: phi4, m2: -4.0 }, target: 4.0 }\n")
    assert jobs(snakemake(root, configured, "couplings", "--dry-run")) == {
        "tune_couplings": 2,
        "couplings": 1,
    }
    assert "tune_couplings" not in jobs(snakemake(root, configured, "--dry-run"))


def test_overrides_that_only_snakemake_would_see_are_refused(root, configured):
    done = snakemake(root, configured, "--dry-run", "--config", "seed=3")
    assert done.returncode != 0
    assert "no --config KEY=VALUE" in done.stdout + done.stderr


def test_the_path_of_a_configuration_is_quoted_for_shell_and_snakemake(root, configured):
    name = "it's {L}.yaml"
    (configured / "config.yaml").rename(configured / name)
    done = snakemake(root, configured, "--dry-run", "--printshellcmds", "--configfile", name)
    line = next(line for line in done.stdout.splitlines() if "lfmc plot" in line)
    words = shlex.split(line)
    assert words[words.index("--config") + 1] == name


def test_the_workflow_is_linted(root, configured):
    done = snakemake(root, configured, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_thin_calls_of_the_command_of_the_same_name(root):
    from lfmc.classical import CLASSICAL
    from lfmc.cli.main import COMMANDS

    rules = root / "workflow" / "rules"
    stages = {path.stem for path in rules.glob("*.smk")} - {"common"}
    others = {"init", "run", "show", "config", "conformance"}
    others |= {"export", "logq", "compare", "report", "reweight"}
    assert stages - {"samplers"} == set(COMMANDS) - others - set(CLASSICAL)
    for stage in stages:
        text = (rules / f"{stage}.smk").read_text()
        called = '"{resources.command}"' if stage == "samplers" else f'"{stage}"'
        assert re.search(rf"lfmc(_on_ranks)?\(\s*{re.escape(called)}", text)
        assert stage != "samplers" or "command=sampler" in text  # `sampler` itself is read too late
        for directive in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "settings="):
            assert directive in text, f"{stage}: {directive}"
        assert "script:" not in text
        assert "run:" not in text


def test_code_and_environment_are_no_rerun_triggers(root, configured):
    done = snakemake(root, configured, "--dry-run")
    assert "profiles/default for setting default" in done.stdout + done.stderr
    profile = yaml.safe_load((root / "workflow/profiles/default/config.yaml").read_text())
    assert sorted(profile["rerun-triggers"]) == ["input", "mtime", "params"]


@pytest.mark.parametrize("rule", ["train", "retrain", "propose"])
def test_a_gpu_is_a_resource_and_no_reason_to_run_again(root, configured, rule):
    """The device is where a job runs, as its launcher: neither configuration nor parameter."""
    config = configured / "config.yaml"
    one = "ensembles:\n  - { name: E1, L: 6, d: 2, m2: -4.0, lam: 6.975 }\n"
    config.write_text(f"{one}flow: {{ targets: [0.5], models: 2 }}\n")
    done = snakemake(
        *(root, configured, "--dry-run", "--printshellcmds", "--set-resources"),
        *(f"{rule}:device=cuda", f"{rule}:gpu=1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + done.stderr
    for stage in ("train", "retrain", "propose"):
        (call,) = re.findall(rf"lfmc {stage} .* --device (\w+)", text)
        assert call == ("cuda" if stage == rule else "cpu")
    assert "gpu=1" in text


def test_ranks_of_a_training_are_its_launcher_and_nothing_else(root, configured):
    config = configured / "config.yaml"
    one = "ensembles:\n  - { name: E1, L: 6, d: 2, m2: -4.0, lam: 6.975 }\n"
    found = {}
    for ranks in (1, 2):
        flow = f"flow: {{ targets: [0.5], models: 2, training: {{ ranks: {ranks} }} }}\n"
        config.write_text(one + flow)
        done = snakemake(root, configured, "--dry-run", "--printshellcmds")
        assert done.returncode == 0, done.stdout + done.stderr
        text = done.stdout + done.stderr
        calls = re.findall(r"(?:mpiexec -n \d+ )?lfmc (?:train|retrain|propose) .*", text)
        found[ranks] = {re.sub(r"^mpiexec -n 2 | --expect-ranks \d+", "", call) for call in calls}
        launched = {call.split()[4] for call in calls if call.startswith("mpiexec -n 2 ")}
        assert launched == ({"train", "retrain"} if ranks == 2 else set())
        assert sum(f"--expect-ranks {ranks} " in call for call in calls) >= 2
    assert found[1] == found[2]
    assert len(found[1]) == 3


def test_the_journey_is_the_same_in_snakefile_and_documentation(root):
    included = re.findall(r"rules/(\w+)\.smk", (root / "workflow" / "Snakefile").read_text())
    text = (root / "docs" / "architecture.md").read_text()
    assert all(stage in text for stage in included if stage != "common")


def test_every_figure_and_table_has_a_caption_in_the_report(root):
    from lfmc.figures.registry import FIGURES

    folder = root / "workflow" / "report"
    missing = [name for name in FIGURES if not (folder / f"{name}.rst").is_file()]
    assert not missing


def test_the_schema_refuses_what_the_types_refuse(root):
    from jsonschema import Draft202012Validator

    schema = json.loads((root / "workflow/schemas/config.schema.json").read_text())
    check = Draft202012Validator(schema)
    config = yaml.safe_load((root / "config.yaml").read_text())
    assert check.is_valid(config)
    for path, value in (("sed", 1), ("ensembles", []), ("propose", {"ranks": 0})):
        assert not check.is_valid({**config, path: value}), path
