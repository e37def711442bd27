"""Inside GIMP's session: what a screen reader is told of a window's controls."""

import functools
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib

# A program that is slow to answer is not one that has gone.
Atspi.set_timeout(20_000, 60_000)
MOST_DEPTH = 40
CONTROLS = {
    "push button", "button", "toggle button", "check box", "radio button", "combo box", "entry", "text",
    "password text", "spin button", "slider", "table", "tree table", "tree", "list box", "page tab list", "page tab",
    "icon", "link", "layered pane",
}  # fmt: skip
_TABLES = ("tree table", "table", "tree")
_GRID = "layered pane"  # whose icons are left out, too


def steady(look):
    """Looks again where a control went while it was looked at, or its window is not there yet."""

    @functools.wraps(look)
    def looked(*arguments, **named):
        for _ in range(10):
            try:
                return look(*arguments, **named)
            except (GLib.Error, LookupError):
                time.sleep(0.1)
        return look(*arguments, **named)

    return looked


@steady
def controls(title):
    """The controls that are seen in the window of this title: path, role, name, focusable, sensitive."""
    return [_described(path, node) for path, node in _walk(_window(title)) if _is_control(node)]


@steady
def focused(title):
    """The control that has the keyboard in the window of this title; None where none has."""
    match = None
    for path, node in _walk(_window(title)):
        if _has(node, Atspi.StateType.FOCUSED) or (node.get_role_name() in _TABLES and _has_focused_cell(node)):
            match = _described(path, node)
    return match


@steady
def place(title, name):
    """Where on the screen the middle of a control is, by its name; of a number, where its digits are."""
    for _path, node in _walk(_window(title)):
        if _is_control(node) and name in (node.get_name(), _label(node)):
            box = node.get_component_iface().get_extents(Atspi.CoordType.SCREEN)
            # The middle of a number may lie between its text and its buttons, where nobody takes a click.
            part = 4 if node.get_role_name() == "spin button" else 2
            return [box.x + box.width // part, box.y + box.height // 2]
    raise LookupError(f"no control {name!r} in {title!r}: {[one['name'] for one in controls(title)]}")


@steady
def focus(title, name):
    """Give the keyboard to a control of this name, which scrolls it into view; return whether it took it."""
    nodes = [node for node in _scrolled(_window(title)) if node.get_role_name() in CONTROLS]
    matches = [node for node in nodes if name in (node.get_name(), _label(node))]
    return any(node.get_component_iface().grab_focus() for node in matches)


@steady
def is_checked(title, name):
    """Whether a toggle, or the title of a group, of this name is switched on."""
    for node in _scrolled(_window(title)):
        if node.get_role_name() in CONTROLS and name in (node.get_name(), _label(node)):
            return _has(node, Atspi.StateType.EXPANDED) or _has(node, Atspi.StateType.CHECKED)
    raise LookupError(f"no control {name!r} in {title!r}: {[one['name'] for one in controls(title)]}")


@steady
def content(title, name):
    """What is written in the control of this name."""
    for _path, node in _walk(_window(title)):
        if _is_control(node) and name in (node.get_name(), _label(node)):
            return _text(node)
    raise LookupError(f"no control {name!r} in {title!r}")


def press_menu(path):
    """Choose an entry of GIMP's menu by the names that lead to it, once; return False while it is switched off."""
    return _menu_entry(path).get_action_iface().do_action(0)


@steady
def _menu_entry(path):
    node = next(bar for bar in map(_menu_bar, _windows()) if bar)
    for name in path:
        node = next(child for child in _children(node) if child.get_name() == name)
    return node


def choose(title, name, item):
    """Chooses an item of a drop-down list, which may be scrolled out of view."""
    for node in _scrolled(_window(title)):
        if node.get_role_name() == "combo box" and name in (node.get_name(), _label(node)):
            menu = node.get_child_at_index(0)
            items = [menu.get_child_at_index(number).get_name() for number in range(menu.get_child_count())]
            node.get_selection_iface().select_child(items.index(item))
            return
    raise LookupError(f"no list {name!r} in {title!r}")


@steady
def windows():
    """The titles of all windows of all programs."""
    return [window.get_name() for window in _windows()]


def extent(title):
    """Where a window is on the screen, without its frame: left, top, width, height."""
    box = _window(title).get_extents(Atspi.CoordType.SCREEN)
    return [box.x, box.y, box.width, box.height]


@steady
def texts(title):
    """What can be read in the window of this title: labels, and what is in its entries."""
    visible = [node for _path, node in _walk(_window(title)) if _has(node, Atspi.StateType.SHOWING)]
    return [text for node in visible for text in (node.get_name(), _text(node)) if text]


def _windows():
    Atspi.init()
    desktop = Atspi.get_desktop(0)
    programs = [desktop.get_child_at_index(number) for number in range(desktop.get_child_count())]
    for program in filter(None, programs):
        try:
            for number in range(program.get_child_count()):
                window = program.get_child_at_index(number)
                if window is not None:
                    yield window
        except GLib.Error:
            # A program that has just ended.
            continue


@steady
def _window(title):
    """The window of this title, which a busy program may not list for a moment."""
    matches = [window for window in _windows() if title in (window.get_name() or "")]
    if not matches:
        raise LookupError(f"no window {title!r} among {windows()}")
    # What has been scrolled into view is only known when it is asked for anew.
    matches[-1].clear_cache()
    return matches[-1]


def _menu_bar(node, depth=4):
    """The menu bar near the top of a window; None in a window without one."""
    if node.get_role_name() == "menu bar":
        return node
    bars = (_menu_bar(child, depth - 1) for child in _children(node)) if depth else ()
    return next(filter(None, bars), None)


def _children(node):
    return filter(None, (node.get_child_at_index(number) for number in _numbers(node)))


def _walk(node, path=""):
    """All that is in a window, in order; a table's cells are left out, as the table is one control."""
    yield path, node
    if path.count("/") > MOST_DEPTH or node.get_role_name() in (*_TABLES, _GRID):
        return
    for number in _numbers(node):
        child = node.get_child_at_index(number)
        if child is not None and (_is_seen(child) or child.get_role_name() == "page tab"):
            yield from _walk(child, f"{path}/{number}")


def _scrolled(node):
    """All that is in a window, also what has to be scrolled into view."""
    yield node
    if node.get_role_name() not in (*_TABLES, _GRID):
        for child in _children(node):
            if _has(child, Atspi.StateType.VISIBLE) or child.get_role_name() == "page tab":
                yield from _scrolled(child)


def _is_seen(node):
    """GTK takes a text with a scroll bar of its own for hidden where what is around it is scrolled.

    It also takes what scrolls for hidden once it is scrolled by more than its own place and height.
    """
    is_told = _has(node, Atspi.StateType.SHOWING) or _has(node, Atspi.StateType.FOCUSED)
    return is_told or node.get_role_name() == "viewport"


def _has_focused_cell(table):
    cells = (table.get_child_at_index(number) for number in _numbers(table))
    return any(_has(cell, Atspi.StateType.FOCUSED) for cell in cells if cell is not None)


def _is_control(node):
    return node.get_role_name() in CONTROLS and _is_seen(node)


def _described(path, node):
    return {
        "path": path,
        "role": node.get_role_name(),
        "name": node.get_name() or "",
        "label": _label(node),
        "focusable": _has(node, Atspi.StateType.FOCUSABLE),
        "sensitive": _has(node, Atspi.StateType.SENSITIVE),
        "entry": any(node.get_child_at_index(number).get_role_name() == "text" for number in _numbers(node)),
    }


def _numbers(node):
    return range(node.get_child_count())


def _label(node):
    """The text of the label that is for a control, with or without a name of its own."""
    for relation in node.get_relation_set() or []:
        if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY:
            return relation.get_target(0).get_name()
    return ""


def _text(node):
    try:
        return Atspi.Text.get_text(node, 0, -1)
    except (GLib.Error, TypeError):
        return ""


def _has(node, state):
    return node.get_state_set().contains(state)
