"""Long texts push nothing off the screen: every label whose text can be long wraps anywhere or is ellipsized."""

import ast
import functools
from pathlib import Path

PLUGIN = Path(__file__).absolute().parents[3] / "plugin"
# Labels with short texts of our own, or figures.
SHORT = {
    "ui/procedure_window.py": 1,  # the cost
    "extend/parts.py": 1,  # the size of the canvas
    "ui/prompt_box.py": 1,  # the placeholder of an empty list
    "settings_dialog/rows.py": 1,  # a heading
}


@functools.cache
def functions():
    """Return every function of the plug-in with its module's path."""
    sources = {path.relative_to(PLUGIN).as_posix(): path.read_text(encoding="utf-8") for path in PLUGIN.rglob("*.py")}
    trees = {module: ast.parse(source) for module, source in sources.items() if "Gtk." in source}
    return [
        (module, node) for module, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    ]


def calls(name):
    """Yield the module, the enclosing function and the keywords of every call of `Gtk.name` in the plug-in."""
    for module, function in functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (f"Gtk.{name}", f"Gtk.{name}.new"):
                yield module, function, {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}


def test_wrapping_labels_are_created_in_one_module():
    """All other labels are captions of controls, are ellipsized, or have short texts of our own."""
    others = {}
    for module, _function, keywords in calls("Label"):
        if module != "ui/labels.py" and "ellipsize" not in keywords and keywords.get("use_underline") != "True":
            others[module] = others.get(module, 0) + 1
    assert others == SHORT
    assert {module for module, _function, keywords in calls("Label") if "wrap" in keywords} == {"ui/labels.py"}


def test_every_message_dialog_wraps_anywhere():
    dialogs = list(calls("MessageDialog"))
    assert len(dialogs) == 3
    for module, function, _keywords in dialogs:
        assert "wrap_dialog(" in ast.unparse(function), module


def test_every_combo_box_is_ellipsized():
    """Except one with an entry, whose list is as wide as the combo box itself."""
    plain = [(module, ast.unparse(function)) for module, function, _keywords in calls("ComboBoxText")]
    short = {"extend/sides.py", "settings_dialog/form.py"}  # short texts of our own only
    assert all("shorten_choices(" in source for module, source in plain if module not in short)
    cells = [keywords for _module, _function, keywords in calls("CellRendererText")]
    assert cells and all("ellipsize" in keywords for keywords in cells)
