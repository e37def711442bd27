"""The demo and the private GIMP: how they fail, and with which two sentences."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lib.installer import demo, gimps, isolation, private_gimp, system_packages
from lib.installer.problem import SetupProblem
from tests.unit.installer.made_machine import put_gimp, put_program, run
from tests.waiting import wait_until


@pytest.fixture
def builder(machine, monkeypatch):
    """A machine that allows namespaces, as root; the test provides `mmdebstrap`, which builds in the folder `part`."""
    monkeypatch.setattr(isolation, "choose", lambda tools=(): isolation.Bubblewrap())
    monkeypatch.setattr(private_gimp, "_check_system", lambda: None)
    monkeypatch.setattr(system_packages, "is_root", lambda: True)
    monkeypatch.setenv("PATH", f"{machine}/bin:/usr/bin:/bin")
    return machine


FOLDER = 'for word; do case "$word" in *.part) part="$word" ;; esac; done; mkdir -p "$part/etc"\n'
BUILD = FOLDER + 'echo "I: unpacking" >&2; touch "$part/etc/generative-edit-whole" "$part/gimp"'


def installed_gimps():
    return sorted(path.name for path in private_gimp.installed())


def test_a_private_gimp_is_built_once(builder, capsys):
    put_program(builder / "bin/mmdebstrap", f"echo call >> {builder}/calls; {BUILD}")
    for _ in range(2):
        gimp = private_gimp.ensure("3.0")
        assert gimp.is_complete() and (gimp.root / "gimp").exists()
    assert (builder / "calls").read_text() == "call\n" and installed_gimps() == ["gimp-3.0"]
    assert "unpacking" in capsys.readouterr().out


def test_a_build_does_not_read_standard_input(builder):
    put_program(builder / "bin/mmdebstrap", f"read answer && exit 9; {BUILD}")
    assert private_gimp.ensure("3.0").is_complete()


def test_an_incomplete_folder_is_not_used_as_a_gimp(builder):
    for name in ("gimp-3.0/usr", "gimp-3.0.part/usr"):
        (private_gimp.cache_folder() / name).mkdir(parents=True)
    put_program(builder / "bin/mmdebstrap", BUILD)
    gimp = private_gimp.ensure("3.0")
    assert gimp.is_complete() and not (gimp.root / "usr").exists() and installed_gimps() == ["gimp-3.0"]


@pytest.mark.parametrize(
    ("errors", "sentences"),
    [
        ("E: no such suite", r"E: no such suite\. Run this again"),
        ("E: Temporary failure resolving 'x'", r".*\. Check the network"),
        ("E: write error: No space left on device", r".*\. Free some disk space"),
        ("", r"I: downloading\. Run this again"),
    ],
)
def test_a_private_gimp_that_cannot_be_downloaded(builder, errors, sentences):
    put_program(builder / "bin/mmdebstrap", f"{FOLDER} echo 'I: downloading' >&2; echo \"{errors}\" >&2; exit 25")
    with pytest.raises(SetupProblem, match=rf"Couldn't download GIMP 3\.0: {sentences}"):
        private_gimp.ensure("3.0")
    assert not installed_gimps()


def test_an_interrupted_build_ends_all_its_processes(builder, monkeypatch):
    child = f"sleep 60 & echo $! >> {builder}/children"
    script = f"trap '{child}; exit 1' TERM; {FOLDER} {child}; echo 'I: downloading' >&2; wait"
    put_program(builder / "bin/mmdebstrap", script)

    def interrupt(text, **_):
        if "downloading" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr("builtins.print", interrupt)
    with pytest.raises(KeyboardInterrupt):
        private_gimp.ensure("3.0")
    assert not installed_gimps()
    children = (builder / "children").read_text().split()
    assert len(children) == 2, "the second one is started on SIGTERM"
    wait_until(lambda: not any(is_running(number) for number in children))


def is_running(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_build_ends_with_install_py_and_the_next_one_waits_for_it(builder, name):
    """Even if install.py is killed, an incomplete GIMP is rebuilt, and never by two builds at a time."""
    script = (
        f"trap 'sleep 0.2; touch {builder}/ended; exit 1' TERM; {FOLDER} echo 'I: downloading' >&2; sleep 60 & wait"
    )
    put_program(builder / "bin/mmdebstrap", script)
    program = "from lib.installer import isolation, private_gimp, system_packages as packages\n"
    program += "packages.is_root = lambda: True; isolation.choose = lambda tools=(): isolation.Bubblewrap()\n"
    program += "private_gimp._check_system = lambda: None; private_gimp.ensure('3.0')"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=private_gimp.__file__.split("/lib/")[0], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert b"downloading" in process.stdout.readline()
        process.send_signal(getattr(signal, name))
    put_program(builder / "bin/mmdebstrap", f"[ -e {builder}/ended ] || exit 1; {BUILD}")
    assert private_gimp.ensure("3.0").is_complete() and installed_gimps() == ["gimp-3.0"]


def test_files_of_a_namespaces_users_are_removed_as_its_root(builder, monkeypatch):
    """For an ordinary user, the helper empties the folder, and the user removes it."""
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    script = f'echo "$1 $(id -u)" >> {builder}/calls; shift; exec "$@"'
    put_program(builder / "bin/mmdebstrap", script)
    for root in (builder / "gimp-3.0", builder / "empty"):
        (root / "etc").mkdir(parents=True)
        (root / "etc/generative-edit-whole").touch()
        private_gimp.remove(root)
        assert not root.exists()
    assert (builder / "calls").read_text().startswith("--unshare-helper")


@pytest.mark.parametrize("helper", [None, "echo 'E: newuidmap is not installed' >&2; exit 1"])
def test_a_folder_that_cannot_be_removed_is_reported(builder, monkeypatch, helper):
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    if helper:
        put_program(builder / "bin/mmdebstrap", helper)
    put_program(builder / "bin/rm", "echo 'rm: cannot remove x: Permission denied' >&2; exit 1")
    root = builder / "gimp 3.0"
    root.mkdir()
    with pytest.raises(SetupProblem, match=r"Couldn't remove .*denied\. Run: sudo rm -rf '.*gimp 3\.0'"):
        private_gimp.remove(root)


@pytest.mark.parametrize(
    ("ids", "sentence"), [("", "no subordinate.* sudo usermod"), ("{user}:100000:65536", "namespaces.* sysctl")]
)
def test_a_user_who_may_not_build_is_told_why(builder, monkeypatch, ids, sentence):
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    monkeypatch.setattr(private_gimp.getpass, "getuser", lambda: "anna")
    (builder / "ids").write_text(ids.format(user="anna"))
    monkeypatch.setattr(private_gimp, "_SUBORDINATE_IDS", (builder / "ids", builder / "ids"))
    put_program(builder / "bin/mmdebstrap", f'touch {builder}/fetched; [ "$1" = --unshare-helper ] && exit 1')
    with pytest.raises(SetupProblem, match=sentence):
        private_gimp.ensure("3.0")
    assert not installed_gimps()


def test_a_user_with_a_gimp_needs_no_root(machine, monkeypatch, capsys):
    gimp = put_gimp(machine, "gimp-console", "3.98.0")  # newer than one that this machine may have itself
    edit = f"cd {machine}/out; touch {' '.join(demo.OUTPUTS)}; echo '{REPORT}' > report.json"
    gimp.write_text(f"{gimp.read_text()}\n{edit}\n")
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    monkeypatch.setenv("PATH", f"{machine}/bin:/usr/bin:/bin")
    put_program(machine / "bin/apt-get", f"touch {machine}/called")
    code, captured = run(capsys, "demo", "--out", str(machine / "out"))
    assert code == 0 and "Editing in GIMP 3.98.0" in captured.out, captured.err
    assert not (machine / "called").exists() and not installed_gimps()


REPORT = '{"seconds": {"request": 1.0}}'
DEMO = demo.Demo(None, None, None, "remove", None)


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo 'demo: The mask is large.' >&2", "The mask is large."), ("exit 1", "GIMP exited without a result.")],
)
def test_a_demo_that_fails_in_gimp_is_reported(tmp_path, script, reason):
    gimp = gimps.Gimp(str(put_program(tmp_path / "gimp", script)), "3.0.4")
    with pytest.raises(SetupProblem) as caught:
        demo._edit(gimp, replace(DEMO, out=tmp_path), {})
    assert caught.value.what == reason and "install.py doctor" in caught.value.hint


def test_a_demo_that_hangs_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_SECONDS", 0.1)
    gimp = gimps.Gimp(str(put_program(tmp_path / "gimp", "exec sleep 60")), "3.0.4")
    with pytest.raises(SetupProblem, match=r"GIMP did not finish within 0\.1 seconds\. Try a smaller picture\."):
        demo._edit(gimp, replace(DEMO, out=tmp_path), {})


def test_a_demo_replaces_only_files_of_a_demo(tmp_path):
    """An output that is also the input would be deleted before it is read."""
    options = replace(DEMO, out=tmp_path)
    (tmp_path / "after.png").write_bytes(b"somebody's picture")
    with pytest.raises(SetupProblem, match=r"after\.png was not written by the demo\. .*--out"):
        demo.run(options, [])
    assert (tmp_path / "after.png").read_bytes() == b"somebody's picture"
    (tmp_path / "report.json").write_text('{"provider": "local", "seconds": {}, "frame": [0, 0, 9, 9]}')
    demo._check_outputs(options)
    with pytest.raises(SetupProblem, match=r"The demo would overwrite .*after\.png\. .*--out"):
        demo.run(replace(options, picture=tmp_path / "after.png"), [])


def test_a_demo_that_failed_can_be_tried_again(tmp_path):
    script = f"touch {tmp_path}/before.png; exit 1"
    gimp = gimps.Gimp(str(put_program(tmp_path / "gimp", script)), "3.0.4")
    with pytest.raises(SetupProblem, match="GIMP exited"):
        demo._edit(gimp, replace(DEMO, out=tmp_path), {})
    demo._check_outputs(replace(DEMO, out=tmp_path))
