"""The questions that the History window asks."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gtk

from lib.jobs.history_record import JobState, Record
from lib.translation import _, ngettext
from plugin.history.placement import Placement
from plugin.ui.labels import wrap_dialog

_CENTRED, _RELATIVE = 1, 2


def ask_placement(parent: Gtk.Window, count: int, *, can_be_relative: bool) -> Placement | None:
    """Ask where results go in an image of another size than theirs; None if the user cancels."""
    text = ngettext(
        "This image has another size than the one that was edited.",
        "This image has another size than the ones that were edited.",
        count,
    )
    dialog = _question(parent, text)
    dialog.format_secondary_text(
        _("Insert the result centred, or scale it to the same place in relation to the whole image?")
    )
    dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
    dialog.add_button(_("Cen_tred"), _CENTRED)
    if can_be_relative:
        dialog.add_button(_("_Scaled to Its Place"), _RELATIVE)
    dialog.set_default_response(_RELATIVE if can_be_relative else _CENTRED)
    answer = dialog.run()
    dialog.destroy()
    return {_CENTRED: Placement.CENTRED, _RELATIVE: Placement.RELATIVE}.get(answer)


def confirm_delete(parent: Gtk.Window, selected: Sequence[Record]) -> bool:
    """Ask whether to delete these edits, with a warning about results that were never inserted."""
    count = len(selected)
    question = ngettext("Delete this edit?", "Delete these {count} edits?", count).format(count=count)
    waiting = sum(record.state in (JobState.WAITING, JobState.UNREAD) for record in selected)
    warning = ngettext(
        "{count} result was never inserted and would be lost.",
        "{count} results were never inserted and would be lost.",
        waiting,
    ).format(count=waiting)
    dialog = _question(parent, question)
    dialog.format_secondary_text(warning if waiting else _("Layers that are already in an image are not affected."))
    dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
    dialog.add_button(_("_Delete"), Gtk.ResponseType.OK)
    confirmed = dialog.run() == Gtk.ResponseType.OK
    dialog.destroy()
    return bool(confirmed)


def _question(parent: Gtk.Window, text: str) -> Gtk.MessageDialog:
    dialog = Gtk.MessageDialog(transient_for=parent, modal=True, message_type=Gtk.MessageType.QUESTION, text=text)
    wrap_dialog(dialog)
    return dialog
