"""What an update of each sampler is, and after how many of them it saves: words for captions."""

from lfmc.config.sampler_sections import Samplers
from lfmc.figures.rundata import RunData


def updates(run: RunData) -> str:
    """ "flow: one proposal; hmc: one trajectory of 10 leapfrog steps", of the samplers that run."""
    own = set(run.config.sampler_names)
    words = {name: text for name, text in _updates(run.config.samplers).items() if name in own}
    flow = {"flow": "one proposal"} if run.config.flow_names else {}
    return "; ".join(f"{name}: {text}" for name, text in (flow | words).items())


def saves(run: RunData) -> str:
    """ "hmc and local after every 10 updates; cluster after every 2 updates", of those that run."""
    config = run.config
    common = config.statistics.save_every
    by_number: dict[int, list[str]] = {}
    for name in config.sampler_names:
        if name not in config.flow_names and name not in config.imported:
            every = config.samplers.section(name).saves_every(common)
            by_number.setdefault(every, []).append(name)
    parts = [f"{_joined(names)} after every {_times(n)}" for n, names in by_number.items()]
    parts += ["flows after every proposal"] if config.flow_names else []
    parts += ["imported chains as they came"] if config.imported else []
    return "; ".join(parts)


def _updates(samplers: Samplers) -> dict[str, str]:
    cluster, over, flux = samplers.cluster, samplers.overrelaxation, samplers.flux
    clusters = (
        "V/|C| clusters" if cluster.clusters == "auto" else _many(cluster.clusters, "cluster")
    )
    return {
        "hmc": f"one trajectory of {_many(samplers.hmc.steps, 'leapfrog step')}",
        "local": "one sweep",
        "cluster": f"{clusters} and {_many(cluster.sweeps, 'sweep')}",
        "heatbath": _many(samplers.heatbath.sweeps, "sweep"),
        "instanton": f"{_many(samplers.instanton.sweeps, 'sweep')} and "
        f"{_many(samplers.instanton.moves, 'move')} between sectors",
        "hmc-tuned": "one trajectory",
        "hybrid": "one proposal and the updates after it",
        "latent-hmc": "one trajectory",
        "overrelaxation": f"{_many(over.reflections, 'sweep')} of reflections and "
        f"{_many(over.sweeps, 'sweep')} of the heat bath",
        "wolff": _many(samplers.wolff.clusters, "cluster"),
        "flux": f"{_many(flux.reflections, 'sweep')} of reflections, {_many(flux.sweeps, 'sweep')} "
        f"of the heat bath and {_many(flux.moves, 'driven move')}",
        "flux-tuned": "overrelaxation and trained moves of the flux",
    }


def _many(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"


def _times(number: int) -> str:
    return "update" if number == 1 else f"{number} updates"


def _joined(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
