"""Inside GIMP: the words that GIMP was told of a procedure, and its menu entry as a screen reader finds it."""

from gi.repository import Gimp

from tests.gimp.inside.accessibility import _windows


def words_of(name):
    """The menu label, the short documentation, and each argument's label and documentation."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    arguments = {argument.name: [argument.nick, argument.blurb] for argument in procedure.get_arguments()}
    return {"label": procedure.get_menu_label(), "blurb": procedure.get_blurb(), "arguments": arguments}


def activate(entry):
    """Chooses an entry of our menu, in whichever language the menus above it are."""
    for menu in _menus():
        for submenu in _children(menu):
            if submenu.get_name() == "Generative Edit":
                for item in _children(submenu):
                    if item.get_name() == entry:
                        item.get_action_iface().do_action(0)
                        return
                raise LookupError(f"no {entry!r} among {[item.get_name() for item in _children(submenu)]}")
    raise LookupError("no menu of ours")


def _menus():
    for window in _windows():
        for bar in _first_match(window, "menu bar"):
            yield from _children(bar)


def _first_match(node, role, depth=0):
    if node.get_role_name() == role:
        yield node
    elif depth < 8:
        for child in _children(node):
            yield from _first_match(child, role, depth + 1)


def _children(node):
    children = (node.get_child_at_index(number) for number in range(node.get_child_count()))
    return [child for child in children if child is not None]
