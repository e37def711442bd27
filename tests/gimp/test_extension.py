"""The extension file (.gex) and the Flatpak extension: installed without install.py or a network, then they edit."""

import json
import subprocess
import zipfile

import pytest

from lib.installer import metainfo
from lib.settings.settings import NAME
from tests.gimp.conftest import VERSIONS
from tests.gimp.test_install import OFFLINE, System

LOAD = """
from gi.repository import Gio
procedure = Gimp.get_pdb().lookup_procedure("file-gex-load")
config = procedure.create_config()
config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
config.set_property("file", Gio.File.new_for_path({path!r}))
assert procedure.run(config).index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()
"""
EDIT = """
image = Gimp.Image.new(200, 160, Gimp.ImageBaseType.RGB)
layer = Gimp.Layer.new(image, "layer", 200, 160, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
image.insert_layer(layer, None, 0)
layer.fill(Gimp.FillType.WHITE)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 50, 40, 30, 30)
procedure = Gimp.get_pdb().lookup_procedure("generative-edit")
config = procedure.create_config()
config.set_property("image", image)
config.set_property("prompt", "remove")
result = procedure.run(config)
report = result.index(2) if result.length() > 2 else Gimp.get_pdb().get_last_error()
print(f"REPORT {report}")
print(f"LAYERS {len(image.get_layers())}")
image.delete()
"""
MERGED = """
real=$(ls -d /usr/lib/*/gimp/3.0)
mkdir -p "$GIMP3_PLUGINDIR/plug-ins"
for part in "$real"/*; do [ "${part##*/}" = plug-ins ] || ln -sfn "$part" "$GIMP3_PLUGINDIR/"; done
ln -sfn "$real"/plug-ins/* "$TREE"/plug-ins/* "$GIMP3_PLUGINDIR/plug-ins/"
exec "$@"
"""

# Nothing here runs install.py; each test starts GIMP two or three times with a fresh home.
pytestmark = [pytest.mark.whole_run, pytest.mark.parametrize("minor", VERSIONS)]


def batch(system, code, *before):
    """Run code in a GIMP without a network; return what it prints."""
    words = ["gimp-console", "--no-interface", "--no-data", "--no-fonts", "--batch-interpreter", "python-fu-eval",
             "--batch", code, "--quit"]  # fmt: skip
    done = system.run(*before, *words, options=OFFLINE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_edit(output):
    """Check what EDIT printed: one new layer, made by the built-in engine."""
    lines = dict(line.split(" ", 1) for line in output.splitlines() if line.startswith(("REPORT ", "LAYERS ")))
    assert json.loads(lines["REPORT"])["model"] == "built-in" and lines["LAYERS"] == "2"


def test_an_extension_file_is_installed_and_edits(dist, minor, tmp_path):
    system = System(minor, tmp_path)
    gex = tmp_path / "generative-edit.gex"
    gex.hardlink_to(next(dist.glob("*.gex")))
    batch(system, LOAD.format(path=str(gex)))
    extension = system.config / "extensions" / metainfo.ID
    assert (extension / metainfo.PLUG_IN).stat().st_mode & 0o111, "a plug-in that can't run is never loaded"
    # GIMP's window for extensions is in neither version's menu.
    settings = system.config / "extensionrc"
    text = settings.read_text()
    assert f'(GimpExtension "{metainfo.ID}"\n    (active no))' in text
    settings.write_text(text.replace("(active no)", "(active yes)"))
    check_edit(batch(system, EDIT))
    packages = system.home / ".local/share" / NAME / "packages"
    folders = [path.name for path in packages.iterdir() if path.is_dir()]
    check_edit(batch(system, EDIT))
    assert len(folders) == 1 and [path.name for path in packages.iterdir() if path.is_dir()] == folders


def test_the_flatpak_extension_edits(dist, minor, tmp_path):
    """The manifest's commands make the tree; GIMP finds it where the Flatpak merges it with GIMP's own plug-ins."""
    system = System(minor, tmp_path)
    with zipfile.ZipFile(next(dist.glob("*-flatpak.zip"))) as files:
        files.extractall(tmp_path)
    (source,) = tmp_path.glob("generative-edit-*-flatpak")
    (module,) = json.loads((source / f"{metainfo.ID}.json").read_text())["modules"]
    build, tree = tmp_path / "build", tmp_path / "GenerativeEdit"
    for entry in module["sources"]:
        path = source / entry["path"]
        target = build / entry.get("dest", "")
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", *([f"{path}/."] if path.is_dir() else [path]), target], check=True)
    commands = "\n".join(["set -e", *module["build-commands"]])
    variables = {"FLATPAK_DEST": str(tree), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", commands], cwd=build, env=variables, check=True)
    assert (tree / "share/metainfo" / metainfo.FILE).read_bytes() == metainfo.text()
    variables = [f"GIMP3_PLUGINDIR={tmp_path / 'merged'}", f"TREE={tree}"]
    check_edit(batch(system, EDIT, "env", *variables, "sh", "-c", MERGED, "sh"))
