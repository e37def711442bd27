"""The questions of the Edit Folder window: before a run, before a picture may be paid for twice, and on closing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from enum import IntEnum

from gi.repository import Gtk

from lib.settings import settings
from lib.translation import _, ngettext
from plugin.edit.draft import receiver, remote_host
from plugin.folder.arguments import RunSpec
from plugin.folder.expected import Expectation
from plugin.folder_window.texts import cost_range
from plugin.ui.consent import ask, choose_answer


class Closing(IntEnum):
    """What happens to a run when its window is closed; the numbers are those of the answers."""

    STAY = 0
    STOP = 1
    GO_ON = 2


def confirm_run(parent: Gtk.Window, spec: RunSpec, names: Collection[str], expectation: Expectation | None) -> bool:
    """Return whether pictures may be sent; ask at the first use of a provider, and above the limit set in Settings."""
    stored = settings.load()
    used = dict.fromkeys(spec.provider(picture) for picture in spec.pictures if picture.name in names)
    providers = [settings.provider(name) for name in used if name]
    new = [each for each in providers if remote_host(each) and each.name not in stored.confirmed]
    is_expensive = bool(expectation and expectation.high is not None and expectation.high > stored.confirm_above)
    if not new and not is_expensive:
        return True
    names_of = ", ".join(receiver(each) for each in new or providers)
    question = ngettext("Send {count} picture to {provider}?", "Send {count} pictures to {provider}?", len(names))
    if not ask(
        parent,
        question.format(count=len(names), provider=names_of),
        " ".join(_reasons([remote_host(each) for each in new], expectation)),
        _("_Cancel"),
        _("_Send"),
    ):
        return False
    for each in new:
        with contextlib.suppress(OSError):  # on a full disk the question is only asked again
            settings.confirm(each.name)
    return True


def confirm_unknown(parent: Gtk.Window, count: int) -> bool:
    """Return whether pictures may be sent again that may have been billed."""
    question = ngettext(
        "{count} picture may have been billed already. Send it again?",
        "{count} pictures may have been billed already. Send them again?",
        count,
    )
    reason = _("The earlier request was sent, but no response arrived.")
    return ask(parent, question.format(count=count), reason, _("_Cancel"), _("_Send Again"))


def with_unknown(spec: RunSpec) -> RunSpec:
    """Return a run that sends such pictures again."""
    return replace(spec, retry_unknown=True)


def ask_about_run(parent: Gtk.Window) -> Closing:
    """Ask what should happen to the run."""
    question = _("Continue the run without its window?")
    reasons = _(
        "GIMP shows the progress, and a message when the run ends. If you stop the run, it still waits for the "
        "requests in progress; Edit Folder continues it when you open it again."
    )
    answers = [_("_Keep Window Open"), _("_Stop the Run"), _("_Continue the Run")]
    return Closing(choose_answer(parent, question, reasons, answers))


def _reasons(hosts: Collection[str], expectation: Expectation | None) -> list[str]:
    reasons = []
    if hosts:
        text = _("The pictures leave this computer and are sent to {host}.")
        reasons.append(text.format(host=", ".join(hosts)))
    cost = cost_range(expectation) if expectation else ""
    if expectation and expectation.high is None:
        reasons.append(_("The cost is not known in advance."))
    elif cost:
        reasons.append(_("Expected cost: {cost}.").format(cost=cost))
    if hosts:
        reasons.append(_("You are asked only once for each provider."))
    return reasons
