"""What runs inside GIMP: Python 3.10 imports it, and on an older one the plug-in says so.

With a Python of that version, where the machine has one, and stand-ins for GIMP's modules. `tests/run.py --lint` checks
the types once more as Python 3.10 has them, which finds what only a newer standard library has.
"""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).absolute().parents[2]
STARTER = "plugin/generative-edit.py"
# GIMP's modules: every name in them is a class that accepts any call.
STAND_INS = """
import importlib.abc, importlib.machinery, sys

class Names(type):
    def __getattr__(cls, name):
        if name.startswith("__") and name != "__gtype__":
            raise AttributeError(name)
        return Names(name, (), {})
    def __or__(cls, other):
        return cls
    __ror__ = __or__
    def __call__(cls, *arguments, **values):
        return Names(cls.__name__, (), {})

class Gi(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "gi":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.__getattr__ = lambda name: Names(name, (), {})
        module.require_version = lambda name, version: None

sys.meta_path.insert(0, Gi())
sys.path.insert(0, sys.argv[1])
"""
IMPORT_ALL = """
import importlib, pathlib
root = pathlib.Path(sys.argv[1])
names = [".".join(path.relative_to(root).with_suffix("").parts) for path in sorted(root.glob("plugin/*/*.py"))]
for name in names:
    importlib.import_module(name.removesuffix(".__init__"))

from lib.storage.file_identity import content_of
from lib.settings.settings import data_folder
from lib.jobs.job import Job

size, digest = content_of(root / "LICENSE")
assert size == (root / "LICENSE").stat().st_size and len(digest) == 64
assert Job.new().folder.parent.parent == data_folder()
print(len(names), "modules", sys.version_info[:2])
"""
START = """
import gi.repository, runpy
Gimp = Names("Gimp", (), {"main": staticmethod(lambda kind, arguments: print(kind))})
gi.repository.Gimp = Gimp
names = runpy.run_path(sys.argv[2] + "/generative-edit.py")
print(names["PROBLEM"])
"""


def python(minor):
    """Return the program of a Python 3 of this machine; skip if there is none."""
    versions = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
    program = next(map(str, versions), shutil.which(f"python3.{minor}"))
    if not program:
        pytest.skip(f"this machine has no Python 3.{minor}")
    return program


def run(minor, script, data):
    command = [python(minor), "-I", "-c", STAND_INS + script, str(CHECKOUT), str(data)]
    environment = {"XDG_DATA_HOME": str(data), "HOME": str(data), "LOCALAPPDATA": str(data)}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_3_10_imports_what_runs_inside_gimp(tmp_path):
    count, *rest = run(10, IMPORT_ALL, tmp_path).split(maxsplit=1)
    assert int(count) > 80 and rest == ["modules (3, 10)\n"]


@pytest.mark.parametrize("minor", [8, 9])
def test_an_older_python_is_named(tmp_path, minor):
    shutil.copy(CHECKOUT / STARTER, tmp_path)
    message = f"This GIMP has Python 3.{minor}. Generative Edit needs 3.10 or later: update GIMP."
    assert run(minor, START, tmp_path).splitlines()[-1] == message


@pytest.mark.parametrize(("part", "version"), [("plugin", (3, 10)), (STARTER, (3, 8)), ("lib/translation.py", (3, 8))])
def test_its_syntax_is_no_newer(part, version):
    path = CHECKOUT / part
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    for file in files:
        ast.parse(file.read_text(encoding="utf-8"), file.name, feature_version=version)
