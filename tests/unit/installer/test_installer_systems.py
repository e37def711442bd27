"""Where GIMP is found: fake folder trees and commands of every system that install.py supports."""

import json
import plistlib

import pytest

from lib.installer import changelog, gimps, packages, pythons
from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine
from lib.settings import settings
from tests.unit.installer.made_machine import put_flatpak, put_gimp, put_program, put_snap, real_fetch, run

PLUG_IN = "plug-ins/generative-edit"


def find_all(machine):
    return [(gimp.kind, gimp.version, str(gimp.config_folder())) for gimp in gimps.find_all(machine).gimps]


def answer(version):
    return f"echo 'GNU Image Manipulation Program version {version}'"


def installed_python(config):
    return json.loads((config / PLUG_IN / "stamp.json").read_text())


def test_every_native_version_gets_its_own_folder(machine, capsys):
    for name, version in (("gimp-3.0", "3.0.4"), ("gimp-3.2", "3.2.6"), ("gimp-2.10", "2.10.34"), ("gimp", "3.4.0")):
        put_gimp(machine, name, version)
    code, captured = run(capsys)
    folders = sorted(path.parts[-3] for path in (machine / "home/.config/GIMP").glob(f"*/{PLUG_IN}"))
    assert code == 0 and folders == ["3.0", "3.2", "3.4"]
    assert captured.out.count("Installed Generative Edit") == 3 and captured.out.count("Restart GIMP") == 1


def test_packages_are_fetched_once_for_several_gimps(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp-3.0", "3.0.4")
    put_gimp(machine, "gimp-3.2", "3.2.6")
    run(capsys)
    one, other = (machine / f"home/.config/GIMP/{minor}/{PLUG_IN}/vendor/requests.py" for minor in ("3.0", "3.2"))
    assert one.samefile(other)
    run(capsys, "uninstall", "--gimp-dir", str(machine / "home/.config/GIMP/3.0"))
    assert other.read_text() == "fetched = True\n" and not one.exists()


def test_a_broken_gimp_does_not_affect_another(machine, capsys):
    put_gimp(machine, "gimp-3.0", "3.0.4")
    put_gimp(machine, "gimp-3.2", "3.2.6")
    (machine / "home/.config/GIMP").mkdir(parents=True)
    (machine / "home/.config/GIMP/3.2").write_text("not a folder")
    code, captured = run(capsys)
    assert code == 1 and "3.2" in captured.err and len(captured.err.splitlines()) == 2
    assert (machine / "home/.config/GIMP/3.0" / PLUG_IN).is_dir()


def test_gimp3_directory(machine, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    monkeypatch.setenv("GIMP3_DIRECTORY", str(machine / "elsewhere"))
    assert find_all(Machine()) == [("native", "3.0.4", str(machine / "elsewhere"))]
    monkeypatch.setenv("GIMP3_DIRECTORY", "in-my-home")
    assert find_all(Machine()) == [("native", "3.0.4", str(machine / "home/in-my-home"))]


def test_flatpak(machine, capsys):
    config = put_flatpak(machine, "3.0.4", "3.13")
    assert run(capsys)[0] == 0
    stamp = installed_python(config)
    assert (stamp["python"], stamp["python_version"], stamp["platform"]) == ("/usr/bin/python3", "3.13", "linux-x86_64")
    assert (config / PLUG_IN / "vendor/made-for").read_text() == "3.13 linux-x86_64"
    assert not (machine / "home/.config").exists()


def test_flatpak_beside_a_native_gimp(machine, capsys):
    config = put_flatpak(machine, "3.2.0", "3.12")
    put_gimp(machine, "gimp", "3.0.4")
    assert run(capsys)[0] == 0
    assert installed_python(config)["python_version"] == "3.12"
    native = installed_python(machine / "home/.config/GIMP/3.0")
    assert native["python"] == pythons.running().program


def test_a_flatpak_without_gimp(machine, capsys):
    put_flatpak(machine, listed="org.gimp.GIMP.Manual")
    assert run(capsys)[1].err.startswith("Couldn't find GIMP on this machine.")


def test_a_flatpak_that_does_not_start(machine, capsys):
    script = '[ "$1" = list ] && echo org.gimp.GIMP 3.0.4 || { echo error: no >&2; exit 1; }'
    put_program(machine / "bin/flatpak", script)
    code, captured = run(capsys)
    assert code == 1 and captured.err.splitlines() == [
        "The Python in GIMP's Flatpak does not respond: error: no.",
        "Check whether GIMP itself starts: flatpak run --command=gimp org.gimp.GIMP",
    ]


def test_an_old_flatpak(machine, capsys):
    put_flatpak(machine, "2.10.38")
    assert "has GIMP 2.10.38; Generative Edit needs 3.0" in run(capsys)[1].err
    put_flatpak(machine, "3.0.2", python="3.10")
    assert "The Python in GIMP's Flatpak is 3.10; Generative Edit needs 3.11" in run(capsys)[1].err


def test_snap(machine, capsys):
    config = put_snap(machine)
    code, captured = run(capsys)
    assert code == 0 and captured.out.count("Installed") == 1
    assert installed_python(config)["python_version"] == "3.12" and not (machine / "home/.config").exists()


def test_a_named_folder_of_a_sandbox_gets_its_python(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    other = put_flatpak(machine, "3.2.0", "3.12").with_name("3.4")
    assert run(capsys, "--gimp-dir", str(other))[0] == 0
    assert installed_python(other)["python_version"] == "3.12"
    assert run(capsys, "--gimp-dir", str(machine / "mine"))[0] == 0
    assert installed_python(machine / "mine")["python"] == pythons.running().program


def test_doctor_uses_the_sandboxs_python(machine, capsys, monkeypatch):
    monkeypatch.setattr(packages, "fetch", real_fetch)
    config = put_flatpak(machine, python=pythons.running().version)
    run(capsys)
    code, captured = run(capsys, "doctor")
    assert code == 0 and "✓ Embedded endpoint" in captured.out
    assert f"✓ Plug-in folder: {config / PLUG_IN}" in captured.out
    installed = f"plug-in {changelog.version()}, Python {pythons.running().version}"
    assert captured.out.splitlines()[-1].endswith(f"GIMP 3.0.4 (Flatpak), {installed}: all well")


@pytest.mark.parametrize(
    ("name", "version"), [("GIMP-3.0.4-x86_64.AppImage", None), ("gimp.appimage", "3.2.1"), ("GIMP.AppImage", "2.10.0")]
)
@pytest.mark.parametrize("folder", ["home/Applications", "home/Downloads", "bin"])
def test_appimage(machine, folder, name, version):
    put_program(machine / folder / name, answer(version) if version else "exit 1")
    if version == "2.10.0":
        with pytest.raises(SetupProblem, match=r"has GIMP 2\.10\.0"):
            gimps.find_all()
        return
    minor = (version or "3.0.4")[:3]
    assert find_all(Machine()) == [("AppImage", version or "3.0.4", str(machine / f"home/.config/GIMP/{minor}"))]


def put_app(path, version, command="gimp"):
    put_program(path / "Contents/MacOS" / command, answer(version))
    (path / "Contents/Info.plist").write_bytes(plistlib.dumps({"CFBundleShortVersionString": version}))


def test_macos(machine):
    home = machine / "home"
    put_app(home / "Applications/GIMP.app", "3.0.4")
    put_app(home / "Applications/GIMP-3.2.app", "3.2.0", "gimp-console")
    put_app(home / "Applications/GIMP-2.10.app", "2.10.38")
    (home / "Applications/GIMP-3.2.app/Contents/Info.plist").write_text("not a property list")
    support = home / "Library/Application Support/GIMP"
    assert find_all(Machine("darwin", {}, home)) == [
        ("GIMP.app", "3.2.0", str(support / "3.2")), ("GIMP.app", "3.0.4", str(support / "3.0")),
    ]  # fmt: skip


def windows(machine, **more):
    home = machine / "home"
    variables = {"APPDATA": str(home / "AppData/Roaming"), "LOCALAPPDATA": str(home / "AppData/Local")}
    return Machine("win32", {**variables, **more}, home)


@pytest.mark.parametrize("place", ["Program Files/GIMP 3/bin", "home/AppData/Local/Programs/GIMP 3/bin"])
def test_windows_installer(machine, place):
    put_program(machine / place / "gimp-console-3.0.exe", answer("3.0.4"))
    put_program(machine / place / "gimp-3.0.exe", "exit 0")
    put_program(machine / place / "gimptool-3.0.exe", "exit 0")
    installed = find_all(windows(machine, ProgramFiles=str(machine / "Program Files")))
    assert installed == [("native", "3.0.4", str(machine / "home/AppData/Roaming/GIMP/3.0"))]


def test_windows_store(machine):
    """The store's program opens a window and prints nothing: the version is read from its name."""
    put_program(machine / "home/AppData/Local/Microsoft/WindowsApps/gimp-3.2.exe", "exit 0")
    assert find_all(windows(machine)) == [("native", "3.2.0", str(machine / "home/AppData/Roaming/GIMP/3.2"))]


def test_windows_without_gimp(machine):
    with pytest.raises(SetupProblem, match="Couldn't find GIMP"):
        gimps.find_all(windows(machine))


def test_the_worker_gets_a_python_without_a_console(machine, monkeypatch):
    program = put_program(machine / "Python313/python.exe", "")
    monkeypatch.setattr(pythons.sys, "executable", str(program))
    monkeypatch.setattr(pythons.sys, "platform", "win32")
    monkeypatch.setattr(pythons.sysconfig, "get_platform", lambda: "win-amd64")
    assert pythons.running().program == str(program) and pythons.running().platform == "win-amd64"
    put_program(machine / "Python313/pythonw.exe", "")
    assert pythons.running().program == str(machine / "Python313/pythonw.exe")


def test_the_stores_python_is_refused():
    prefix = r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python.3.13_3.13.2544.0_x64__qbz5n2kfra8p0"
    with pytest.raises(SetupProblem, match=r"Microsoft Store.*python\.org"):
        pythons.check_running(prefix)
    pythons.check_running(r"C:\Users\me\AppData\Local\Programs\Python\Python313")


def test_a_settings_folder_without_a_gimp_is_named(machine, capsys):
    for minor in ("2.10", "3.0", "3.2"):
        (machine / "home/.config/GIMP" / minor).mkdir(parents=True)
    code, captured = run(capsys)
    folder = machine / "home/.config/GIMP/3.2"
    assert code == 1 and captured.err.splitlines() == [
        f"Couldn't find GIMP on this machine, only the settings folder {folder}.",
        f"If your GIMP uses that folder, run: python3 install.py --gimp-dir {folder}",
    ]
    assert not list(machine.glob(f"home/**/{PLUG_IN}"))


def test_list_changes_nothing(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    put_flatpak(machine, "3.2.0", "3.12")
    before = sorted(machine.rglob("*"))
    code, captured = run(capsys, "--list")
    assert code == 0 and sorted(machine.rglob("*")) == before
    lines = captured.out.splitlines()
    assert lines[0] == "GIMP 3.2.0 (Flatpak)" and lines[5] == "GIMP 3.0.4" and captured.out.count("not installed") == 2
    assert f"    folder   {machine / 'home/.config/GIMP/3.0'}" in lines and "3.12, /usr/bin/python3" in captured.out


def test_uninstall_removes_the_plug_in_of_an_uninstalled_gimp(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    (machine / "bin/gimp").unlink()
    code, captured = run(capsys, "uninstall")
    folder = machine / "home/.config/GIMP/3.0" / PLUG_IN
    assert code == 0 and not folder.exists() and f"Removed {folder}" in captured.out
    assert run(capsys, "uninstall")[1].err.startswith("Couldn't find GIMP on this machine")


def test_uninstall_everything_needs_no_gimp(machine, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "y")
    data = settings.data_folder()
    code, captured = run(capsys, "uninstall", "--everything")
    assert code == 0 and not data.exists() and captured.err == ""


def test_uninstall_everything_removes_the_sandboxs_data_too(machine, capsys, monkeypatch):
    put_flatpak(machine, python=pythons.running().version)
    run(capsys)
    data = machine / "home/.var/app/org.gimp.GIMP/data/generative-edit"
    data.mkdir(parents=True)
    monkeypatch.setattr("builtins.input", lambda question: "y")
    output = run(capsys, "uninstall", "--everything")[1].out
    assert str(data) in output and not data.exists()
