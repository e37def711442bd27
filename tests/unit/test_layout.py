"""The import rules of lib/README.md: levels, no cycles, and nothing of the worker's weight inside GIMP."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

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


def imports_of(path):
    """The modules of ours that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield from (name if (name := f"{node.module}.{a.name}") in MODULES else node.module for a in node.names)


def package_of(module):
    """`lib.api` for all that lies in it; a module beside the packages is one of its own."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    return ".".join(package.split(".")[:2]) if "." in package else module


def test_packages_import_each_other_in_one_direction():
    packages = {}
    for module, path in MODULES.items():
        needed = {package_of(name) for name in imports_of(path)}
        packages.setdefault(package_of(module), set()).update(needed - {package_of(module)})
    order = list(TopologicalSorter(packages).static_order())  # raises CycleError
    assert order.index("lib.api") < order.index("lib.worker")
    assert order.index("plugin.worker") < order.index("plugin.edit") < order.index("plugin.panel")


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
