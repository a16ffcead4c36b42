"""try_slurm.py touches only what it made, and listens on the loopback only; needs no Slurm."""

import os
import re

import pytest
from slurm_cluster import TRY

own_folder = TRY.own_folder

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path):
    """What an earlier cluster left, and one file of somebody's beside it."""
    folder = tmp_path / "cluster"
    for name in ("state", "spool-n1", "tmp-n1"):
        (folder / name).mkdir(parents=True)
    (folder / "slurm.conf").write_text(TRY.configuration(folder, 2))
    for name in ("munge.key", "slurmctld.log", "slurmd-n1.log", "state/jobs"):
        (folder / name).touch()
    return folder


def test_what_an_earlier_cluster_left_is_removed_and_nothing_else(folder):
    (folder / "thesis.tex").touch()
    own_folder.wipe(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("conf", [None, "ClusterName=production\n", "# ClusterName=lfmctry\n"])
def test_a_folder_that_holds_anything_else_stays(tmp_path, conf):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "thesis.tex").touch()
    if conf:
        (tmp_path / "slurm.conf").write_text(conf)
    for refuse in (own_folder.wipe, TRY.down):
        with pytest.raises(TRY.Refused, match=r"holds no cluster of try_slurm\.py"):
            refuse(tmp_path)
    assert (tmp_path / "state" / "thesis.tex").exists()


def test_new_and_empty_folders_will_do(tmp_path):
    own_folder.wipe(tmp_path / "new")
    own_folder.wipe(tmp_path)
    assert tmp_path.exists()


def test_links_inside_are_removed_and_not_followed(folder, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "data").touch()
    (folder / "spool-n2").symlink_to(tmp_path / "precious")
    own_folder.wipe(folder)
    assert (tmp_path / "precious" / "data").exists()
    assert list(folder.iterdir()) == []


def test_a_folder_of_others_is_refused(folder, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(TRY.Refused, match="is no folder"):
        own_folder.wipe(tmp_path / "link")
    with pytest.raises(TRY.Refused, match="with a space"):
        own_folder.wipe(tmp_path / "a b")
    folder.chmod(0o777)
    with pytest.raises(TRY.Refused, match="can be written by others"):
        own_folder.wipe(folder)
    folder.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(TRY.Refused, match="belongs to"):
        own_folder.wipe(folder)
    assert (folder / "slurm.conf").exists()


def test_a_link_is_replaced_only_if_it_is_ours(folder, tmp_path):
    link = tmp_path / "etc" / "slurm.conf"
    own_folder.point(link, folder)
    own_folder.point(link, folder)
    assert link.readlink() == folder / "slurm.conf"
    own_folder.point(link, tmp_path / "next")  # that of a cluster of ours that has ended
    assert link.readlink() == tmp_path / "next" / "slurm.conf"
    own_folder.point(link, tmp_path / "next")  # dangling, to where it shall point
    for target, text in (("production.conf", "ClusterName=production\n"), ("missing.conf", None)):
        if text:
            (tmp_path / target).write_text(text)
        link.unlink()
        link.symlink_to(tmp_path / target)
        with pytest.raises(TRY.Refused, match="it is left alone"):
            own_folder.point(link, folder)
        assert link.readlink() == tmp_path / target
    link.unlink()
    link.write_text("ClusterName=production\n")
    with pytest.raises(TRY.Refused, match="belongs to a cluster already"):
        own_folder.point(link, folder)


def test_the_link_of_another_cluster_of_ours_that_runs_stays(folder, tmp_path, monkeypatch):
    link = tmp_path / "slurm.conf"
    own_folder.point(link, folder)
    (folder / "slurmctld.pid").write_text("1")
    monkeypatch.setattr(own_folder, "alive", lambda path: 1)
    with pytest.raises(TRY.Refused, match="a cluster runs in"):
        own_folder.point(link, tmp_path / "next")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.1.1"])
def test_daemons_are_told_to_listen_on_the_loopback_only(folder, monkeypatch, address):
    monkeypatch.setattr(own_folder, "address_of_host", lambda: address)
    lines = TRY.configuration(folder, 3).splitlines()
    assert "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny" in lines
    text = "\n".join(lines)
    assert re.findall(r"NodeAddr=(\S+)", text) == [address] * 3
    assert re.findall(r"SlurmctldHost=\S+\((\S+)\)", text) == [address]


@pytest.mark.parametrize("address", ["192.168.1.7", "0.0.0.0"])
def test_a_machine_whose_name_is_in_the_network_is_refused(monkeypatch, address):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(own_folder, "address_of_host", lambda: address)
    reason = TRY.not_possible()
    assert address in reason
    assert "/etc/hosts" in reason
    assert "\n" not in reason


def test_accounting_listens_on_the_loopback_only(folder, monkeypatch):
    monkeypatch.setattr(own_folder, "address_of_host", lambda: "127.0.1.1")
    lines = TRY.configuration(folder, 1, True).splitlines()
    assert "AccountingStorageHost=127.0.1.1" in lines
    assert "CommunicationParameters=NoInAddrAny" in TRY.accounting.CONF.splitlines()
