"""A run of one small ensemble, all stages up to the tables, in this process."""

import importlib

from lfmc.cli.main import COMMANDS

CONFIG = """
seed: 5
ensembles: [{ name: E1, L: 4, m2: -4.0, lam: 6.975 }]
statistics: { configurations: 12800, replicas: 32, keep_fields: 50 }
flow: { targets: [0.7], models: 1 }
accept: { replicas: 4 }
"""


def make_run(folder):
    """Write config.yaml and results/ into a folder."""
    (folder / "config.yaml").write_text(CONFIG)
    for stage in ("tune", "train", "hmc", "local", "cluster"):
        _command(stage, folder)
    for stage in ("propose", "accept"):
        _command(stage, folder, "--sampler", "flow-70")
    for sampler in ("flow-70", "hmc", "local", "cluster"):
        for stage in ("measure", "autocorrelation"):
            _command(stage, folder, "--sampler", sampler)
    _command("fit", folder, ensemble=False)


def _command(name, folder, *arguments, ensemble=True):
    module, function = COMMANDS[name].split(":")
    where = ["--config", str(folder / "config.yaml"), "--results", str(folder / "results")]
    stage = getattr(importlib.import_module(module), function)
    one = ["--ensemble", "E1"] if ensemble else []
    stage.main([*where, *one, *arguments], standalone_mode=False)
