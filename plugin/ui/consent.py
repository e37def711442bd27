"""Asking before a picture leaves this computer for the first time, and before an edit that costs more than agreed."""

from __future__ import annotations

import contextlib

from gi.repository import Gtk

from lib.settings import settings
from lib.translation import _
from plugin.edit.draft import Draft, cost_text
from plugin.ui.labels import wrap_dialog


def confirm_send(draft: Draft, parent: Gtk.Window | None, *, unknown_asks: bool = False) -> bool:
    """Whether the user agrees, asked only where there is a reason; `unknown_asks` makes an unknown cost one."""
    kept = settings.load()
    first = bool(draft.host) and draft.provider.name not in kept.confirmed
    unknown = draft.cost is None
    dear = (unknown and unknown_asks) or (draft.cost is not None and draft.cost.high > kept.confirm_above)
    if not first and not dear:
        return True
    question = _("Send this edit to {provider}?").format(provider=draft.receiver)
    if not _ask(parent, question, " ".join(_reasons(draft, first)), _("_Cancel"), _("_Send")):
        return False
    if first:
        with contextlib.suppress(OSError):  # it is asked again next time, then
            settings.confirm(draft.provider.name)
    return True


def confirm_cancel(parent: Gtk.Window) -> bool:
    """Whether an edit that is under way shall be cancelled, as its window is closed."""
    question = _("An edit is under way. Cancel it and close?")
    return _ask(parent, question, "", _("_Keep waiting"), _("_Cancel the edit"))


def _ask(parent: Gtk.Window | None, question: str, reasons: str, no: str, yes: str) -> bool:
    dialog = Gtk.MessageDialog(
        transient_for=parent, modal=True, message_type=Gtk.MessageType.QUESTION, text=question, title=question
    )
    dialog.get_accessible().set_name(question)
    dialog.format_secondary_text(reasons)
    wrap_dialog(dialog)
    dialog.add_button(no, Gtk.ResponseType.CANCEL)
    dialog.add_button(yes, Gtk.ResponseType.OK)
    dialog.set_default_response(Gtk.ResponseType.OK)
    answer = dialog.run()
    dialog.destroy()
    return bool(answer == Gtk.ResponseType.OK)


def _reasons(draft: Draft, first: bool) -> list[str]:
    frame = draft.task.plan.frame
    reasons = []
    if first:
        told = _("A part of the picture, {width}×{height} pixels, leaves this computer and goes to {host}.")
        reasons.append(told.format(width=frame.width, height=frame.height, host=draft.host))
    if draft.cost is None:
        reasons.append(_("What the edit costs is not known beforehand."))
    else:
        reasons.append(_("The edit costs {cost}.").format(cost=cost_text(draft.cost)))
    if first:
        reasons.append(_("This question is asked once for each provider."))
    return reasons
