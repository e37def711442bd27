"""The welcome window: three places where edits can be made, what leaves the computer, and what an edit costs."""

from __future__ import annotations

from dataclasses import dataclass

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, Gtk

from lib.frame.geometry import Size
from lib.settings import first_time, settings
from lib.translation import _
from plugin.settings_dialog.rows import bold
from plugin.ui import thumbnails
from plugin.ui.help import PAGES, add_help_button
from plugin.ui.labels import wrapped_label
from plugin.ui.layout import FittingHeight, scrollable_column

_EXAMPLE = PAGES.parent / "before-after.jpg"
_EXAMPLE_SIZE = Size(520, 180)
_CHARACTERS = 64


@dataclass(frozen=True)
class _Choice:
    """A place where edits can be made; `provider` is set as the default, "" leaves it as it is."""

    title: str
    text: str
    provider: str
    needs_settings: bool


def run_first_time(parent: Gtk.Window | None = None) -> bool:
    """Ask where edits are made, and set it as the default; return whether Settings should be opened for the rest."""
    dialog = GimpUi.Dialog(title=_("Welcome to Generative Edit"), role="generative-edit-first-time")
    if parent:
        dialog.set_transient_for(parent)
        dialog.set_modal(True)
    add_help_button(dialog, "providers")
    dialog.add_button(_("_Skip"), Gtk.ResponseType.CANCEL)
    dialog.add_button(_("_Continue"), Gtk.ResponseType.OK)
    dialog.set_default_response(Gtk.ResponseType.OK)
    column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=12)
    heading = wrapped_label(_("Where should edits be made?"), characters=_CHARACTERS)
    bold(heading)
    column.pack_start(heading, False, False, 0)
    if example := _example():
        column.pack_start(example, False, False, 6)
    radios: list[Gtk.RadioButton] = []
    for choice in _choices():
        radio = Gtk.RadioButton.new_with_label_from_widget(radios[0] if radios else None, choice.title)
        text = wrapped_label(choice.text, characters=_CHARACTERS)
        text.set_margin_start(26)
        radio.get_accessible().set_description(choice.text)
        for widget in (radio, text):
            column.pack_start(widget, False, False, 0)
        radios.append(radio)
    later = wrapped_label(_("You can change this at any time in Settings."), characters=_CHARACTERS)
    column.pack_start(later, False, False, 6)
    dialog.get_content_area().pack_start(scrollable_column(column, []), True, True, 0)
    FittingHeight(dialog)
    dialog.show_all()
    radios[0].grab_focus()
    accepted = dialog.run() == Gtk.ResponseType.OK
    choice = next(each for each, radio in zip(_choices(), radios, strict=True) if radio.get_active())
    dialog.destroy()
    try:
        first_time.acknowledge()
        if accepted and choice.provider:
            settings.change(provider=choice.provider, model="")
    except OSError:  # the disk is full: the window comes again the next time
        return False
    return accepted and choice.needs_settings


def _choices() -> tuple[_Choice, ...]:
    return (
        _Choice(
            _("This computer, free"),
            _(
                "Removes, fills, extends and adjusts colours with the built-in engine, which can't create anything "
                "new. Nothing leaves this computer, and it costs nothing."
            ),
            "local",
            False,
        ),
        _Choice(
            _("OpenAI, with your key"),
            _(
                "Creates anything you describe. The part of the picture around the selection is sent to OpenAI, "
                "which bills your account for each edit. The estimated cost is shown before you generate."
            ),
            "openai",
            True,
        ),
        _Choice(
            _("Your own server, or another provider"),
            _(
                "What it can create depends on its model. The part of the picture around the selection is sent to "
                "the address that you enter in Settings. The cost depends on the server."
            ),
            "",
            True,
        ),
    )


def _example() -> Gtk.Image | None:
    """Return the picture of an edit before and after, loaded by GIMP, as GdkPixbuf's loaders do not always work."""
    try:
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(_EXAMPLE)))
    except GLib.Error:
        return None
    finally:
        Gimp.progress_end()  # GIMP shows the progress of loading
    picture = Gtk.Image.new_from_pixbuf(thumbnails.of_image(image, _EXAMPLE_SIZE))
    image.delete()
    picture.get_accessible().set_name(_("A picture before and after an edit on this computer"))
    return picture
