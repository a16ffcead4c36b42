"""Claims about devices: one GPU per rank, a clear line without one, no tensor left behind."""

import subprocess

import pytest
import torch
from flows_small import environment, lfmc, small, write_small
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lfmc.config import settings_hash, stage_settings
from lfmc.config.flow_sections import KINDS
from lfmc.config.training_sections import FlowSettings
from lfmc.device import UNNAMED, choose_device, device_key
from lfmc.errors import LfmcError
from lfmc.flows.build import build_flow
from lfmc.theories.ensembles import theory_of
from lfmc.training.train import Trainer

pytestmark = pytest.mark.unit


@pytest.fixture
def four_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"model T {device.index}")
    noted = {}
    monkeypatch.setattr("lfmc.device.note_parallel", noted.update)
    return noted


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("variables", "index"),
    [
        ({}, 0),
        ({"SLURM_LOCALID": "3"}, 3),
        ({"SLURM_LOCALID": "5"}, 1),
        ({"MPI_LOCALRANKID": "2", "SLURM_LOCALID": "0"}, 2),
        ({"OMPI_COMM_WORLD_LOCAL_RANK": "1"}, 1),
    ],
)
def test_each_rank_of_a_node_takes_its_own_gpu(four_gpus, variables, index):
    for requested in ("cuda", "auto"):
        assert choose_device(requested, variables) == torch.device("cuda", index)
        assert four_gpus == {"device": f"model T {index}"}


def test_the_cpu_is_taken_when_asked_for_or_alone(four_gpus):
    assert choose_device("cpu", {"SLURM_LOCALID": "3"}) == torch.device("cpu")
    assert four_gpus == {}


def test_auto_without_a_gpu_is_the_cpu(no_gpu):
    assert choose_device("auto") == torch.device("cpu")


def test_cuda_without_a_gpu_is_one_clear_line(no_gpu):
    with pytest.raises(LfmcError, match=r"device cuda: torch .* finds no GPU here") as error:
        choose_device("cuda")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("stage", ["train", "retrain", "propose"])
def test_a_stage_asked_for_an_absent_gpu_writes_nothing(stage, tmp_path):
    write_small(tmp_path)
    extra = {"train": [], "retrain": ["--model", "1"], "propose": ["--sampler", "flow-50"]}[stage]
    command = lfmc(stage, "--config", "small.yaml", "--ensemble", "T4", "--device", "cuda", *extra)
    run = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "finds no GPU here" in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_an_unknown_device_names_the_choices(tmp_path):
    write_small(tmp_path)
    command = lfmc("train", "--config", "small.yaml", "--ensemble", "T4", "--device", "tpu")
    run = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert run.returncode == 2
    assert "'cpu', 'cuda', 'auto'" in run.stderr


def test_the_key_of_a_result_knows_a_gpu_and_does_not_know_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "__version__", f"{UNNAMED}+cpu")
    assert device_key(torch.device("cpu")) == {}
    assert device_key(torch.device("cuda", 2)) == device_key(torch.device("cuda", 0)) != {}
    config = small()
    settings = stage_settings(config, "train", "T4")
    del settings["flow"]["targets"]  # another target continues the same training
    assert Trainer(config, config.ensemble("T4"), tmp_path).key == settings_hash(settings)


def test_a_training_is_not_continued_by_another_release_of_torch(tmp_path, monkeypatch):
    """Another build of the same release continues it; the locked release is not named."""
    config = small()
    keys = []
    for version in (f"{UNNAMED}+cpu", f"{UNNAMED}+cu130", "2.14.0+cpu", "2.6.0"):
        monkeypatch.setattr(torch, "__version__", version)
        keys.append(Trainer(config, config.ensemble("T4"), tmp_path).key)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_the_release_that_keys_do_not_name_is_the_locked_one(root):
    assert f"\ntorch=={UNNAMED} " in (root / "envs" / "requirements.lock").read_text()


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices, as a GPU does; indices may be on the CPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if func in (torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default):
            tensors = tensors[:1]
        devices = {t.device.type for t in tensors if t.ndim}
        assert len(devices) < 2, f"{func} on {sorted(devices)}"
        return func(*args, **(kwargs or {}))


def run_elsewhere(flow):
    """Both passes of a flow on the meta device, where nothing is computed."""
    flow.to("meta").requires_grad_(False)
    like = {"dtype": torch.float64, "device": "meta"}
    with OneDevice():
        draw = flow(torch.empty(8, flow.sites, **like))
        x, log_q = flow.reduced(torch.empty(8, flow.reduced_sites, **like))
        return draw.phi, draw.log_q, x, log_q, flow.reduced_action(x)


# The others compute in compiled kernels, on the CPU.
OF_OTHER_FIELDS = ("decimation", "quenched", "hierarchy", "sphere_couplings")
IN_TORCH = [kind for kind in KINDS if kind not in OF_OTHER_FIELDS]


@pytest.mark.parametrize("kind", IN_TORCH)
def test_every_tensor_of_a_flow_goes_where_the_flow_goes(kind):
    if kind == "spline":
        pytest.importorskip("zuko")
    settings = FlowSettings.model_validate({"model": {"kind": kind}})
    found = run_elsewhere(build_flow(theory_of(small().ensemble("T4")), settings.model))
    assert {tensor.device.type for tensor in found} == {"meta"}


def test_a_tensor_left_behind_is_seen():
    """The negative control of the test above."""
    flow = build_flow(theory_of(small().ensemble("T4")), FlowSettings().model)
    basis = flow.prior.basis._buffers.pop("basis")
    flow.prior.basis.basis = basis  # no longer a buffer, so it stays where it is
    with pytest.raises(AssertionError, match=r"on \['cpu', 'meta'\]"):
        run_elsewhere(flow)
