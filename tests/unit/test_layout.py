"""The import rules of lib/README.md: levels, no cycles, and nothing of the worker's weight inside GIMP."""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).absolute().parents[2]
# What GIMP's own Python does not have, or what would make every menu entry slow.
HEAVY = ("requests", "urllib3", "socks", "PIL", "numpy", "werkzeug", "keyring")


def modules():
    """The modules of plugin/ and lib/ by name, with their files."""
    for part in ("lib", "plugin"):
        for path in sorted((CHECKOUT / part).rglob("*.py")):
            names = path.relative_to(CHECKOUT).with_suffix("").parts
            yield ".".join(names[:-1] if names[-1] == "__init__" else names), path


MODULES = dict(modules())


@cache
def imports_of(path):
    """The modules of ours that a file imports, at any depth."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            imported.update(name if (name := f"{node.module}.{a.name}") in MODULES else node.module for a in node.names)
    return imported


def package_of(module):
    """`lib.api` for all that lies in it; a module beside the packages is one of its own."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    return ".".join(package.split(".")[:2]) if "." in package else module


@cache
def packages():
    """Return what each package imports of the others."""
    imports = {}
    for module, path in MODULES.items():
        needed = {package_of(name) for name in imports_of(path)}
        imports.setdefault(package_of(module), set()).update(needed - {package_of(module)})
    return imports


def test_packages_import_each_other_in_one_direction():
    order = list(TopologicalSorter(packages()).static_order())  # raises CycleError
    assert order.index("lib.api") < order.index("lib.worker") < order.index("plugin.procedures")


@pytest.mark.parametrize("part", ["lib", "plugin"])
def test_the_order_of_the_packages_is_the_one_in_the_readme(part):
    readme = (CHECKOUT / "lib" / "README.md").read_text(encoding="utf-8")
    groups = readme.partition(f"In `{part}/`")[2].partition(".")[0].split("→")
    level = {f"{part}.{name}": number for number, group in enumerate(groups) for name in re.findall(r"`(\w+)`", group)}
    assert set(level) == {
        name for name in packages() if name.startswith(f"{part}.") and MODULES[name].name == "__init__.py"
    }
    for package, number in level.items():
        assert not [other for other in packages()[package] if level.get(other, -1) >= number], package


def test_lib_knows_nothing_of_gimp_or_the_plug_in():
    for module, path in MODULES.items():
        if module.partition(".")[0] == "lib":
            assert not [name for name in imports_of(path) if name.partition(".")[0] == "plugin"], module
            assert not re.search(r"^\s*(import|from) gi\b", path.read_text(encoding="utf-8"), re.MULTILINE), module


def test_what_gimp_loads_of_lib_is_light():
    used = sorted({
        name
        for module, path in MODULES.items()
        if module.partition(".")[0] == "plugin"
        for name in imports_of(path)
        if name.partition(".")[0] == "lib"
    })  # fmt: skip
    assert "lib.api.validation" in used and "lib.jobs.job" in used
    hide = f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r})); import {', '.join(used)}"
    done = subprocess.run([sys.executable, "-c", hide], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
