"""The demo and the private GIMP: each way in which they fail, in two sentences."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lib.installer import demo, gimps, private_gimp
from lib.installer.problem import SetupProblem
from tests.unit.made_machine import put_program


@pytest.mark.parametrize(("errors", "reason"), [("E: Unable to fetch", "E: Unable to fetch"), ("", "apt-get failed")])
def test_system_packages_that_cannot_be_installed(monkeypatch, errors, reason):
    monkeypatch.setattr(private_gimp, "_is_root", lambda: True)
    monkeypatch.setattr(private_gimp.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=100, stderr=errors))
    with pytest.raises(SetupProblem, match=f"bubblewrap could not be installed: {reason}. Try by hand: apt-get"):
        private_gimp.install_system_packages(["bubblewrap"])


def test_a_private_gimp_that_cannot_be_fetched(machine, monkeypatch):
    put_program(machine / "bin/mmdebstrap", "echo 'I: downloading' >&2; echo 'E: no such suite' >&2; exit 25")
    gimp = private_gimp.PrivateGimp(machine / "gimp-3.0", "3.0")
    monkeypatch.setattr(private_gimp, "remove", lambda root: None)
    with pytest.raises(SetupProblem, match=r"GIMP 3\.0 could not be fetched: E: no such suite\. Check the network"):
        private_gimp._build(gimp)
    assert not gimp.root.exists()


DEMO = demo.Demo(None, None, None, "remove", None)


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo 'demo: The mask is too large.' >&2", "The mask is too large."), ("exit 1", "GIMP ended without a result.")],
)
def test_a_demo_that_gimp_cannot_do(tmp_path, script, reason):
    gimp = gimps.Gimp(str(put_program(tmp_path / "gimp", script)), "3.0.4")
    with pytest.raises(SetupProblem) as told:
        demo._edit(gimp, replace(DEMO, out=tmp_path), {})
    assert told.value.what == reason and "install.py doctor" in told.value.mend


def test_a_demo_that_does_not_end(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_SECONDS", 0.1)
    gimp = gimps.Gimp(str(put_program(tmp_path / "gimp", "exec sleep 60")), "3.0.4")
    with pytest.raises(SetupProblem, match=r"GIMP did not end in 0\.1 seconds\. Try a smaller picture\."):
        demo._edit(gimp, replace(DEMO, out=tmp_path), {})
