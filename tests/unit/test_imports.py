"""What `plugin` imports of ours is there: it can only be run inside GIMP, so that a wrong name would show late."""

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).absolute().parents[2]
FILES = sorted((CHECKOUT / "plugin").rglob("*.py"))


def source_of(module):
    """The file of a module or package of ours; None where there is none."""
    path = CHECKOUT / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def names_in(file):
    """What a module defines or imports, at any depth: some of it only where types are checked."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CHECKOUT).as_posix())
def test_every_name_that_is_imported_is_there(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("plugin", "lib"):
            known = names_in(source_of(node.module))
            missing = [a.name for a in node.names if a.name not in known and not source_of(f"{node.module}.{a.name}")]
            assert not missing, f"{node.module} has no {', '.join(missing)}"
