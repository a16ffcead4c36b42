"""Chains that a model takes part in, hybrid ones and latent HMC, for the claims about both."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from exact_targets import quadrature, sigmas

import lfmc
from lfmc.cli.main import lfmc as command
from lfmc.config import parse_config
from lfmc.proposals.model_chains import ModelChain
from lfmc.samplers import run as sampling
from lfmc.samplers.state import cold_start
from lfmc.samplers.thermalise import thermalise

TINY = lfmc.Phi4((2, 2), m2=-4.0, lam=5.0)
SMALL = lfmc.Phi4((4, 4), m2=-4.0, lam=6.975)


def chains_of(theory, method, chains=64, updates=400):
    """What thermalised chains record."""
    state = cold_start(theory, 7, range(chains), method.name, "E")
    state = thermalise(state, theory, method)
    return method.advance(state, theory, updates, updates)[1]


def deviations(info):
    """Averages of TINY from the quadrature, in sigmas."""
    exact = quadrature(TINY)
    found = {name: info.scalars[name].mean(1) for name in ("phi2", "phi4", "E")}
    found["chi2"] = 4 * (info.scalars["m"] ** 2).mean(1)
    return {name: sigmas(by_chain, exact[name]) for name, by_chain in found.items()}


def require_bits_of_pieces(method, names):
    """20 of 64 chains of SMALL by themselves, in two pieces, have the same bits.

    Returns:
        Records of the first piece.
    """
    many, few = (cold_start(SMALL, 7, range(n), method.name, "E") for n in (64, 20))
    whole, info = method.advance(many, SMALL, 10, 5)
    part, first = method.advance(few, SMALL, 4, 2)
    part, second = method.advance(part, SMALL, 6, 2)
    assert np.array_equal(part.phi[0], whole.phi[0])
    assert np.array_equal(part.streams[0], whole.streams[0])
    for name in names:
        joined = np.concatenate([first.extra[name], second.extra[name]], axis=1)
        assert np.array_equal(joined, info.extra[name][:20])
    assert np.array_equal(second.saved[:, -1], info.saved[:20, -1])
    return first


def invoke(folder, name, *options, config="config.yaml", results="results"):
    """Output of a command of the ensemble E1."""
    where = ["--config", str(folder / config), "--results", str(folder / results)]
    found = CliRunner().invoke(command, [name, *where, "--ensemble", "E1", *options])
    if found.exception:
        raise found.exception
    return found.output


def task_of(folder, sampler, text):
    """The task of a chain with 2 as its last parameter, and the file of the model."""
    config = parse_config(yaml.safe_load(text))
    results = folder / "results"
    model = results / "train" / "E1" / "flow-70.safetensors"
    return ModelChain(config, sampler, "E1", results / "tune" / "E1.json", model).task(2), model


def content(path: Path):
    """Data sets of a chain that do not depend on the clock."""
    with h5py.File(path) as file:
        names = ["scalars/phi2", "saved/two_point", "fields/phi"]
        names += [f"extra/{name}" for name in ("log_weight", "dH") if name in file["extra"]]
        return {name: file[name][()] for name in names} | {"a": file.attrs["acceptance"]}


def same(one, two):
    """Whether two contents are the same, bit by bit."""
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def run_with_a_break(task, folder):
    """E1.h5 in segments of 100 saved configurations, stopped in the third, and continued."""
    task = task._replace(plan=task.plan._replace(segment=100, chunk=10))
    counted = iter(range(10**6))
    with pytest.raises(sampling.Interrupted):
        sampling.run(task, folder / "E1.h5", folder / "w", stop=lambda: next(counted) > 27)
    assert len(list((folder / "w").glob("segment-*.h5"))) == 2
    sampling.run(task, folder / "E1.h5", folder / "w")
    return folder / "E1.h5"
