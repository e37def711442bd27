"""install.py and the release file in a real GIMP's system: no network, odd homes, no room, two at once, two Pythons."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lib.installer import release
from tests.gimp.conftest import VERSIONS
from tests.gimp.harness import CALL_SECONDS, CHECKOUT, GimpUnderTest, need_namespaces

HOME = "Дом von Jürgen 山田"
OFFLINE = ["--unshare-net"]
DEMO = ("before.png", "mask.png", "after.png", "edit.xcf", "report.json")

# Every run installs the plug-in in each GIMP; what is here takes minutes, most of them for the release file.
pytestmark = pytest.mark.whole_run


class System:
    """A GIMP's system, with a home of our own and bubblewrap's options for what we do to it."""

    def __init__(self, minor, work):
        self.gimp, self.work = GimpUnderTest.find(minor), work
        self.home = work / HOME
        self.home.mkdir()
        self.config = self.home / ".config/GIMP" / minor

    @property
    def installed(self):
        return self.config / "plug-ins/generative-edit"

    def command(self, words, options=()):
        environment = {"HOME": str(self.home), "PIP_CONFIG_FILE": "/dev/null"}
        command = self.gimp.command([str(word) for word in words], [CHECKOUT, self.work], environment)
        if not options:
            return command
        need_namespaces()
        if not self.gimp.private:
            return ["bwrap", "--dev-bind", "/", "/", *options, "--", *command]
        end = command.index("--")
        return [*command[:end], *options, *command[end:]]

    def run(self, *words, options=()):
        return subprocess.run(self.command(words, options), capture_output=True, text=True, timeout=CALL_SECONDS)

    def install(self, folder, *words, options=()):
        return self.run("python3", folder / "install.py", *words, options=options)

    def edit(self, **arguments):
        with self.gimp.start(self.work, environment={"HOME": str(self.home)}, config=self.config) as running:
            return running.call("edits.edit_case", case="corner", out=str(self.work), **arguments)


@pytest.fixture(scope="session")
def unpacked(dist, tmp_path_factory):
    """The release in a folder with a name such as people give."""
    folder = tmp_path_factory.mktemp("unpacked") / "Neuer Ordner – новая папка"
    with zipfile.ZipFile(next(dist.glob("*-linux-*.zip"))) as files:
        files.extractall(folder)
    return next(folder.iterdir())


@pytest.fixture
def system(tmp_path):
    return System(VERSIONS[0], tmp_path)


def listing(folder):
    return {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def two_sentences(done):
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2 and all(line.endswith(".") for line in lines), done.stderr
    return done.stderr


@pytest.mark.parametrize("minor", VERSIONS)
def test_the_release_file_needs_no_network(minor, unpacked, tmp_path):
    system = System(minor, tmp_path)
    options = [*OFFLINE, "--ro-bind", unpacked, unpacked]
    done = system.install(unpacked, options=options)
    assert done.returncode == 0, done.stderr
    assert f"Installed Generative Edit {release.version()} in {system.installed}" in done.stdout
    demo = system.install(unpacked, "demo", "--out", tmp_path / "out", options=options)
    assert demo.returncode == 0 and all((tmp_path / "out" / name).stat().st_size for name in DEMO), demo.stderr
    doctor = system.install(unpacked, "doctor", options=options)
    assert doctor.returncode == 0, doctor.stdout
    last = doctor.stdout.splitlines()[-1]
    assert last.endswith("all well") and f"GIMP {system.gimp.version()}" in last
    assert HOME not in last and str(tmp_path) not in last


def test_without_pip_the_release_file_brings_its_own(system, unpacked):
    """As on a Debian with GIMP and nothing else: pip is hidden from install.py."""
    hide = "import sys\nif 'install.py' in ' '.join(sys.orig_argv): sys.modules['pip'] = None\n"
    (system.work / "sitecustomize.py").write_text(hide)
    options = [*OFFLINE, "--ro-bind", unpacked, unpacked, "--setenv", "PYTHONPATH", str(system.work)]
    done = system.install(unpacked, options=options)
    assert done.returncode == 0 and (system.installed / "vendor/numpy").is_dir(), done.stderr


def test_another_user_who_cannot_write_the_release_folder(system, unpacked):
    options = [*OFFLINE, "--ro-bind", unpacked, unpacked, "--unshare-user", "--uid", "4321", "--gid", "4321"]
    for word in ("Installed", "Updated"):
        done = system.install(unpacked, options=options)
        assert done.returncode == 0 and word in done.stdout, done.stderr
    assert system.install(unpacked, "doctor", options=options).returncode == 0


def test_a_read_only_plug_ins_folder(system, unpacked):
    plug_ins = system.installed.parent
    (plug_ins / "other").mkdir(parents=True)
    options = [*OFFLINE, "--ro-bind", unpacked, unpacked, "--ro-bind", plug_ins, plug_ins]
    done = system.install(unpacked, options=options)
    sentences = two_sentences(done)
    assert "Couldn't write " in sentences and ": Read-only file system." in sentences
    assert [path.name for path in plug_ins.iterdir()] == ["other"]
    assert [path.name for path in system.config.iterdir() if path.is_dir()] == ["plug-ins"]


LEFT = "{0}: errors generative-edit.lock plug-ins  {0}/plug-ins: generative-edit "
# In one go, as the small disk is gone with the system: install, let the packages look old, update, look.
FULL = """
cd "$1"; config="$2"; plug_in="$config/plug-ins/generative-edit"
python3 install.py --gimp-dir "$config" >&2 || exit 9
sed -i 's/"python_version": "[0-9.]*"/"python_version": "3.9"/' "$plug_in/stamp.json"
sums() { (cd "$plug_in" && find . -type f -exec sha256sum {} + | sort | sha256sum); }
before=$(sums)
python3 install.py --gimp-dir "$config" 2> "$config/errors"; code=$?
[ "$before" = "$(sums)" ] && same=yes
printf '{"code": %s, "same": "%s", "left": "%s"}' $code "$same" "$(ls -A "$config" "$config/plug-ins" | tr '\\n' ' ')"
cat "$config/errors" >&2
"""


def test_a_full_disk_halfway(system, unpacked):
    config = system.work / "small"
    config.mkdir()
    options = [*OFFLINE, "--ro-bind", unpacked, unpacked, "--size", str(180 << 20), "--tmpfs", str(config)]
    done = system.run("sh", "-c", FULL, "sh", unpacked, config, options=options)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer == {"code": 1, "same": "yes", "left": LEFT.format(config)}, done.stderr
    assert done.stderr.strip().splitlines()[-2:] == [
        "The disk is full.", "Free at least 250 MB for the packages, then run this again.",
    ]  # fmt: skip


def test_two_at_once(system, unpacked):
    command = system.command(["python3", unpacked / "install.py"], [*OFFLINE, "--ro-bind", unpacked, unpacked])
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=CALL_SECONDS)[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 1], errors
    expected = "Another install.py is using this folder.\nWait until it has finished, then run this again.\n"
    assert errors[codes.index(1)] == expected
    assert system.install(unpacked, "doctor", options=["--ro-bind", unpacked, unpacked]).returncode == 0


def with_another_python(work):
    """A GIMP's system whose Python is not ours; and both versions, ours first."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for minor in VERSIONS:
        (work / minor).mkdir()
        system = System(minor, work / minor)
        its_version = system.run("python3", "-V").stdout.split()[1].rpartition(".")[0]
        if here != its_version:
            return system, here, its_version
    raise AssertionError("every GIMP here has our own Python")


def test_made_with_another_python(unpacked, tmp_path):
    """A Python that is gone, then one that was replaced in its place: a sentence each, and install.py mends it."""
    system, here, its_version = with_another_python(tmp_path)
    assert subprocess.run([sys.executable, unpacked / "install.py", "--gimp-dir", system.config]).returncode == 0
    stamp = json.loads((system.installed / "stamp.json").read_text())
    assert stamp["python_version"] == here
    (system.installed / "stamp.json").write_text(json.dumps(stamp | {"python": "/opt/removed/python3"}))
    done = system.edit()
    assert done["status"] == "execution-error" and "Run install.py again" in done["error"]
    (system.installed / "stamp.json").write_text(json.dumps(stamp | {"python": "/usr/bin/python3"}))
    # GIMP asks a plug-in again what it can do only where its file has changed.
    (system.installed / "generative-edit.py").touch()
    done = system.edit(prompt="remove")
    assert done["status"] == "execution-error"
    assert f"installed for Python {here}, but this is Python {its_version}" in done["error"]
    options = ["--ro-bind", unpacked, unpacked]
    doctor = system.install(unpacked, "doctor", options=options)
    assert f"but the packages are for {here} → run: python3 install.py" in doctor.stdout
    assert system.install(unpacked, options=[*OFFLINE, *options]).returncode == 0
    assert system.edit(prompt="remove")["status"] == "success"


# Stands in for flatpak: GIMP lives in a system of its own, with another Python, and is entered with these words.
FLATPAK = """#!/bin/sh
case "$1" in
list) printf 'org.gimp.GIMP\\t{version}\\n' ;;
run) program="${{2#--command=}}"; shift 3; exec {enter} "$program" "$@" ;;
*) exit 1 ;;
esac
"""


def test_a_sandbox_with_another_python(tmp_path, unpacked, monkeypatch):
    """install.py runs outside with this Python, the worker inside with the sandbox's: each package must load there."""
    system = System(VERSIONS[1], tmp_path)
    home = tmp_path / "sandbox"
    inside = ["--setenv", "XDG_CONFIG_HOME", str(home / "config"), "--setenv", "XDG_DATA_HOME", str(home / "data")]
    enter = " ".join(f"'{word}'" for word in system.command([], inside))
    flatpak = tmp_path / "bin/flatpak"
    flatpak.parent.mkdir()
    flatpak.write_text(FLATPAK.format(version=system.gimp.version(), enter=enter))
    flatpak.chmod(0o755)
    monkeypatch.setenv("PATH", f"{flatpak.parent}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "host"))
    for words in ([], ["doctor"]):
        done = subprocess.run([sys.executable, unpacked / "install.py", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"GIMP {system.gimp.version()} (Flatpak), plug-in {release.version()}, Python " in done.stdout
    system.config = home / "config/GIMP" / VERSIONS[1]
    assert not Path(tmp_path / "host/.config").exists()
    assert json.loads((system.installed / "stamp.json").read_text())["python"] == "/usr/bin/python3"
    assert system.edit(prompt="remove")["status"] == "success"
