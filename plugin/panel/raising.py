"""One panel for one image: a second call raises the window that is open, in another process of the plug-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from lib.translation import _


def raise_open_panel(image: Gimp.Image, window: str = "panel") -> bool:
    """Asks the window that is open for an image to come to the front; False where there is none."""
    procedure = Gimp.get_pdb().lookup_procedure(_name(image, window))
    if procedure is None:
        return False
    result = procedure.run(procedure.create_config())
    return bool(result.index(0) == Gimp.PDBStatusType.SUCCESS)


def answer_for(
    plug_in: Gimp.PlugIn, image: Gimp.Image, raise_window: Callable[[], None], window: str = "panel"
) -> Callable[[], None]:
    """Lets other processes find a window, by a temporary procedure named after the image; returns how to end that."""

    def run(procedure: Gimp.Procedure, *_ignored: Any) -> Gimp.ValueArray:
        raise_window()
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)

    name = _name(image, window)
    procedure = Gimp.Procedure.new(plug_in, name, Gimp.PDBProcType.TEMPORARY, run, None)
    procedure.set_documentation(_("Raises the window of Generative Edit that is open for this image"), None, name)
    plug_in.add_temp_procedure(procedure)
    plug_in.persistent_enable()
    return lambda: plug_in.remove_temp_procedure(name)


def _name(image: Gimp.Image, window: str) -> str:
    return f"generative-edit-{window}-{image.get_id()}"
