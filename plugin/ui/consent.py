"""Questions before the first edit at a provider, before an expensive edit, and before a running edit is cancelled."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gi.repository import Gtk

from lib.settings import settings
from lib.translation import _, ngettext
from plugin.edit.draft import Draft, cost_text
from plugin.ui.labels import wrap_dialog


def confirm_send(draft: Draft, parent: Gtk.Window | None, *, confirm_unknown_cost: bool = False) -> bool:
    """Return whether the edit may be sent; ask at the first use of a provider, and above the limit set in Settings.

    With `confirm_unknown_cost`, also ask if the cost is unknown.
    """
    stored = settings.load()
    first = bool(draft.host) and draft.provider.name not in stored.confirmed
    expensive = confirm_unknown_cost if draft.cost is None else draft.cost.high > stored.confirm_above
    if not first and not expensive:
        return True
    question = _("Send this edit to {provider}?").format(provider=draft.receiver)
    if not ask(parent, question, " ".join(_reasons(draft, first)), _("_Cancel"), _("_Send")):
        return False
    if first:
        with contextlib.suppress(OSError):  # on a full disk the question is only asked again
            settings.confirm(draft.provider.name)
    return True


def confirm_cancel(parent: Gtk.Window, count: int = 1) -> bool:
    """Ask whether to cancel the edits that wait or run, as their window is being closed."""
    question = ngettext(
        "An edit is in progress. Cancel it and close the window?",
        "{count} edits are in progress. Cancel them and close the window?",
        count,
    ).format(count=count)
    cancel = ngettext("_Cancel the edit", "_Cancel the edits", count)
    return ask(parent, question, "", _("_Keep waiting"), cancel)


def ask(parent: Gtk.Window | None, question: str, reasons: str, no: str, yes: str) -> bool:
    """Ask a question with two answers; return whether the second was chosen."""
    return choose_answer(parent, question, reasons, [no, yes]) == 1


def choose_answer(parent: Gtk.Window | None, question: str, reasons: str, answers: Sequence[str]) -> int:
    """Ask a question; return the number of the answer, 0 if the window was closed. The last is the default."""
    dialog = Gtk.MessageDialog(
        transient_for=parent, modal=True, message_type=Gtk.MessageType.QUESTION, text=question, title=question
    )
    dialog.get_accessible().set_name(question)
    dialog.format_secondary_text(reasons)
    wrap_dialog(dialog)
    for number, text in enumerate(answers):
        dialog.add_button(text, number)
    dialog.set_default_response(len(answers) - 1)
    answer = dialog.run()
    dialog.destroy()
    return max(0, int(answer))


def _reasons(draft: Draft, first: bool) -> list[str]:
    frame = draft.task.plan.frame
    reasons = []
    if first:
        text = _("A part of the image, {width}×{height} pixels, leaves this computer and is sent to {host}.")
        reasons.append(text.format(width=frame.width, height=frame.height, host=draft.host))
    if draft.cost is None:
        reasons.append(_("The cost of the edit is not known in advance."))
    else:
        reasons.append(_("The edit costs {cost}.").format(cost=cost_text(draft.cost)))
    if first:
        reasons.append(_("You are asked only once for each provider."))
    return reasons
