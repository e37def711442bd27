"""Help with the selection: what is unusual about it, and a button that selects the subject."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gimp, Gtk

from lib.translation import _
from plugin.panel.sent_picture import selection_state
from plugin.ui.fields import button

_TINY = 1 / 2000  # of the canvas
_MOST_TINY = 48  # pixels; a larger side is not tiny on any canvas
_SOFT = 200  # of 255
_SUBJECT = "generative-edit-select-subject"


def selection_warning(image: Gimp.Image) -> str:
    """Return a sentence about a selection that is empty, tiny or soft everywhere; "" for any other."""
    state = selection_state(image)
    if state is None:
        return _("Nothing is selected, so the edit may change the whole layer.")
    bounds, sample = state
    canvas = image.get_width() * image.get_height()
    if bounds.size.longest < _MOST_TINY and bounds.size.pixels < canvas * _TINY:
        text = _("The selection is tiny: {width}×{height} pixels. Select more, or grow it.")
        return text.format(width=bounds.width, height=bounds.height)
    if max(sample) < _SOFT:
        return _("The selection is soft everywhere, so the result will be partly transparent.")
    return ""


def subject_button(image: Gimp.Image, on_change: Callable[[], None]) -> Gtk.Button | None:
    """Return a button that selects the subject of the picture; None without the procedure for it."""
    if not Gimp.get_pdb().procedure_exists(_SUBJECT):
        return None

    def select_subject() -> None:
        procedure = Gimp.get_pdb().lookup_procedure(_SUBJECT)
        if procedure and image.is_valid():
            config = procedure.create_config()
            config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
            config.set_property("image", image)
            config.set_core_object_array("drawables", image.get_selected_layers())
            procedure.run(config)
            Gimp.displays_flush()
            on_change()

    tooltip = _("Select what the picture shows; inside a selection, the object in it")
    return button(_("Select S_ubject"), select_subject, tooltip)
