"""Words of any length push nothing off the screen: every label that may show some wraps anywhere or is cut short."""

import ast
import functools
from pathlib import Path

PLUGIN = Path(__file__).absolute().parents[2] / "plugin"
# Labels of our own short words and of figures.
SHORT = {
    "ui/procedure_window.py": 1,  # the cost
    "extend/parts.py": 1,  # the canvas's measures
    "ui/prompt_box.py": 1,  # that there is no earlier prompt
    "settings_dialog/rows.py": 1,  # a heading
}


@functools.cache
def functions():
    """Every function of the plug-in, with its module's path."""
    sources = {path.relative_to(PLUGIN).as_posix(): path.read_text(encoding="utf-8") for path in PLUGIN.rglob("*.py")}
    trees = {module: ast.parse(source) for module, source in sources.items() if "Gtk." in source}
    return [
        (module, node)
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]


def calls(name):
    """Yield every call of `Gtk.name` in the plug-in: its module, the function that it is in, and its keywords."""
    for module, function in functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (f"Gtk.{name}", f"Gtk.{name}.new"):
                yield module, function, {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}


def test_labels_of_any_words_are_made_in_one_place():
    """A label elsewhere is the caption of a control, is cut short with dots, or is one of a few of our own words."""
    others = {}
    for module, _function, keywords in calls("Label"):
        if module != "ui/labels.py" and "ellipsize" not in keywords and keywords.get("use_underline") != "True":
            others[module] = others.get(module, 0) + 1
    assert others == SHORT
    assert {module for module, _function, keywords in calls("Label") if "wrap" in keywords} == {"ui/labels.py"}


def test_every_message_dialog_wraps_anywhere():
    found = list(calls("MessageDialog"))
    assert len(found) == 3
    for module, function, _keywords in found:
        assert "wrap_dialog(" in ast.unparse(function), module


def test_every_list_of_choices_is_cut_short():
    """The choices of a free one are in its list, which is as wide as it is; the others show titles of any length."""
    plain = [(module, ast.unparse(function)) for module, function, _keywords in calls("ComboBoxText")]
    words = {"extend/sides.py", "settings_dialog/form.py"}  # our own words only
    assert all("shorten_choices(" in source for module, source in plain if module not in words)
    cells = [keywords for _module, _function, keywords in calls("CellRendererText")]
    assert cells and all("ellipsize" in keywords for keywords in cells)
