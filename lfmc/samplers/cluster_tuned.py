"""The cluster sampler, and how many clusters per update are the cheapest (`clusters: auto`).

`lfmc tune` measures tau of the slowest observable with 1, 2, 4 ... clusters per update, up to those
that flip as many sites as there are, V / <|C|>, and takes the number with the least

    work = 2 tau (sweeps + SITE clusters <|C|> / V),

in sweeps per independent value. A site of a cluster costs SITE times one of a sweep, which runs
in vector lanes.
"""

from typing import Any

from lfmc.config.sampler_sections import Cluster
from lfmc.samplers.cluster import ClusterParameters, sample_cluster
from lfmc.samplers.kind import SamplerKind
from lfmc.samplers.state import State
from lfmc.samplers.tau_of_means import tau_of_means
from lfmc.theories.base import Theory

SITE = 40.0  # measured: 41 to 44 at L = 32 and 64
MOST_CLUSTERS = 1000  # of one update
UPDATES = 2000  # of each chain for one number of clusters
WORSE = 1.5  # times the least work: where the scan ends


def scanned(settings: Cluster, theory: Theory, delta: float, state: State) -> dict[str, Any]:
    """Entries of the tuning: clusters, cluster_size = <|C|>, covering = V / <|C|>, scan.

    None where the number of clusters is given.
    """
    if settings.clusters != "auto":
        return {}
    one = _first(settings, delta)
    state, _ = sample_cluster(state, theory, one, settings.thermalisation, settings.thermalisation)
    rows: list[dict[str, Any]] = []
    clusters, covering, size = 1, 1.0, 1.0
    while clusters <= min(covering, MOST_CLUSTERS):
        parameters = one._replace(clusters=clusters)
        state, info = sample_cluster(state, theory, parameters, UPDATES, UPDATES)
        if clusters == 1:
            size = float(info.extra["cluster_size"].mean())
            covering = theory.numbers / size
        tau, error = tau_of_means(theory.slow_series(info.scalars))
        each = 2 * (settings.sweeps + SITE * clusters / covering)
        rows.append({"clusters": clusters, "tau": tau, "work": each * tau, "error": each * error})
        if rows[-1]["work"] > WORSE * min(row["work"] for row in rows):
            break
        clusters *= 2
    best = min(rows, key=lambda row: row["work"])
    found = {"clusters": best["clusters"], "cluster_size": size, "covering": covering}
    return {**found, "scan": rows}


def _first(settings: Cluster, delta: float) -> ClusterParameters:
    """Where the number of clusters is not known yet, one."""
    clusters = 1 if settings.clusters == "auto" else settings.clusters
    return ClusterParameters(delta, clusters, settings.sweeps)


def _recorded(settings: Cluster, entry: dict[str, Any]) -> ClusterParameters:
    parameters = _first(settings, float(entry["delta"]))
    return parameters._replace(clusters=int(entry.get("clusters", parameters.clusters)))


CLUSTER = SamplerKind(
    sample_cluster,
    _first,
    decisions=lambda parameters, numbers: numbers * parameters.sweeps,
    completed=scanned,
    recorded=_recorded,
)
