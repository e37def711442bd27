"""The files for GIMP's own ways of installing: metainfo.xml, the extension file, the Flatpak manifest."""

import hashlib
import json
import platform
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from lib.installer import archive, changelog, extension, metainfo, release, system_packages
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem
from tests.unit.installer.test_installer_release import put_wheel

PLATFORM_TAGS = ("cp313-cp313-manylinux_2_17_x86_64", "cp314-cp314-manylinux_2_17_x86_64", "py3-none-any")


def wheels_in(folder):
    """Return wheels of one package for two Pythons, of one for all, and pip's."""
    folder.mkdir()
    names = [f"fast-1.0-{tags}" for tags in PLATFORM_TAGS[:2]] + [f"plain-1.0-{PLATFORM_TAGS[2]}"]
    for name in names:
        made = put_wheel(folder, name.partition("-")[0], "License-Expression: MIT", "LICENSE")
        made.rename(folder / f"{name}.whl")
    put_wheel(folder, "pip", "License-Expression: MIT", "LICENSE")
    return sorted(folder.glob("*.whl"))


def test_metainfo_has_what_gimp_reads():
    root = ET.fromstring(metainfo.text())
    assert (root.tag, root.get("type"), root.findtext("id")) == ("component", "addon", metainfo.ID)
    assert root.findtext("extends") == "org.gimp.GIMP"
    assert root.find("releases/release").get("version") == changelog.version()
    (required,) = root.find("requires")
    assert (required.tag, required.text, required.attrib) == (
        "id",
        "org.gimp.GIMP",
        {"version": "3.0.0", "compare": "ge"},
    )
    (value,) = root.find("custom")
    assert (value.get("key"), value.text) == ("GIMP::plug-in-path", metainfo.PLUG_IN)


def test_screenshots_are_pictures_of_the_help():
    assert ET.fromstring(metainfo.text()).find("screenshots") is None
    screenshots = ET.fromstring(metainfo.text("https://example.org/help/")).findall("screenshots/screenshot")
    assert [screenshot.get("type") for screenshot in screenshots] == ["default", None, None]
    for screenshot in screenshots:
        name = screenshot.findtext("image").removeprefix("https://example.org/help/")
        assert (CHECKOUT / "plugin" / "help" / name).is_file() and screenshot.findtext("caption")


@pytest.mark.linux
@pytest.mark.parametrize("pictures", ["", "https://example.org/help"])
def test_metainfo_is_valid(tmp_path, pictures):
    try:
        system_packages.require({"appstreamcli": "appstream"})
    except (SetupProblem, OSError) as problem:
        pytest.skip(f"needs appstreamcli: {problem}")
    path = tmp_path / metainfo.FILE
    path.write_bytes(metainfo.text(pictures))
    command = ["appstreamcli", "validate", "--no-net", "--no-color", str(path)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    )
    findings = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:", "I:"))]
    assert (done.returncode, findings) == (0, []), done.stdout


def test_the_extension_file_has_one_folder_and_its_plug_in_may_run(tmp_path):
    wheels = wheels_in(tmp_path / "wheels")
    path = tmp_path / "made.gex"
    archive.write(path, metainfo.ID, extension.gex(wheels))
    with zipfile.ZipFile(path) as files:
        names = files.namelist()
        assert {name.split("/")[0] for name in names} == {metainfo.ID} and names[0] == f"{metainfo.ID}/{metainfo.FILE}"
        info = files.getinfo(f"{metainfo.ID}/{metainfo.PLUG_IN}")
        stamp = json.loads(files.read(f"{metainfo.ID}/generative-edit/stamp.json"))
    # GIMP's reader of zip files takes permissions from this field of a file's local header alone.
    local = path.read_bytes()[info.header_offset :]
    name_length, extra_length = struct.unpack("<HH", local[26:30])
    field = struct.unpack("<HHBHHI", local[30 + name_length :][:extra_length])
    assert field == (0x6C78, 9, 0b111, 0x0314, 0, 0o100755 << 16)
    inner = {name.removeprefix(f"{metainfo.ID}/generative-edit/") for name in names}
    assert {"generative-edit.py", "lib/worker/__main__.py", "plugin/help/index.html", "LICENCES.txt",
            "lib/locale/de/LC_MESSAGES/generative-edit.mo"} <= inner  # fmt: skip
    assert {name for name in inner if name.startswith("wheels/")} == {
        f"wheels/{path.name}" for path in wheels if not path.name.startswith("pip-")
    }
    assert stamp["python"] == "" and set(stamp["files"]) <= inner


def test_there_is_one_for_each_system_whose_gimp_can_use_it():
    """On Windows, GIMP's own Python is built with MinGW."""
    assert set(release.NAMES) - set(extension.PLATFORMS) == {"windows-x86_64"}
    assert set(extension.FLATPAK_ARCHES) <= set(extension.PLATFORMS)


def test_the_flatpak_manifest_pins_every_wheel(tmp_path):
    wheels = wheels_in(tmp_path / "wheels")
    files = {file.name: file for file in extension.flatpak({"linux-x86_64": wheels, "linux-arm64": wheels[:1]})}
    manifest = json.loads(files[extension.MANIFEST].read())
    assert (manifest["id"], manifest["build-extension"]) == (metainfo.ID, True)
    assert manifest["build-options"]["prefix"] == "/app/extensions/GenerativeEdit"
    sources = manifest["modules"][0]["sources"]
    pinned = {source["path"]: source for source in sources if "sha256" in source}
    assert set(pinned) == {name for name in files if name.startswith("wheels/")} and len(pinned) == 4
    for name, source in pinned.items():
        assert source["sha256"] == hashlib.sha256(files[name].read()).hexdigest()
        assert source["only-arches"] == [name.split("/")[1]]
    assert all(path in files or any(name.startswith(f"{path}/") for name in files)
               for path in (source["path"] for source in sources))  # fmt: skip


@pytest.mark.linux
def test_flatpak_builder_reads_the_manifest(tmp_path):
    """It can't build here: that needs GIMP's Flatpak, which is no package of a registry."""
    if not shutil.which("flatpak-builder"):
        pytest.skip("needs flatpak-builder")
    wheels = wheels_in(tmp_path / "wheels")
    archive.write(tmp_path / "made.zip", "made", extension.flatpak(dict.fromkeys(extension.FLATPAK_ARCHES, wheels)))
    with zipfile.ZipFile(tmp_path / "made.zip") as files:
        files.extractall(tmp_path)
    command = ["flatpak-builder", "--show-deps", extension.MANIFEST]
    done = subprocess.run(command, cwd=tmp_path / "made", capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and "warning" not in done.stderr.lower(), done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith(f"wheels/{platform.machine()}/")]) == 3
    assert Path(tmp_path / "made" / metainfo.FILE).is_file()
