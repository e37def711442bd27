"""What is going on while an edit is made: its stage, how far it is, and Cancel."""

from __future__ import annotations

import time
from collections.abc import Callable

from gi.repository import GLib, Gtk, Pango

from lib.api.text import sentence
from lib.jobs.job import Job
from lib.translation import _
from plugin.ui.fields import button
from plugin.worker.process import Event

_MEGABYTE = 1_000_000


class Activity(Gtk.Box):
    """A line that says the stage and the time, a bar, and a button that stops the edit."""

    def __init__(self, on_cancel: Callable[[], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._text = ""
        self._begun = 0.0
        self._repeat_at = 0.0
        self._ticking = 0
        self._label = Gtk.Label(xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        self._bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        self._bar.get_accessible().set_name(_("Progress"))
        self.cancel = button(_("Cancel the _edit"), on_cancel)
        row = Gtk.Box(spacing=6)
        row.pack_start(self._bar, True, True, 0)
        row.pack_start(self.cancel, False, False, 0)
        self.pack_start(self._label, False, False, 0)
        self.pack_start(row, False, False, 0)

    def begin(self) -> None:
        """Starts the clock."""
        self._begun = time.monotonic()
        self._say(_("Reading the picture"))
        self._ticking = self._ticking or GLib.timeout_add(200, self._tick)

    def end(self) -> None:
        """Stops the clock."""
        if self._ticking:
            GLib.source_remove(self._ticking)
            self._ticking = 0

    def tell(self, event: Event) -> None:
        """Shows an event of the worker."""
        kind = event["event"]
        self._repeat_at = 0.0
        if kind == "stage":
            self._say(_stages()[event["name"]])
        elif kind == "progress":
            self._say(*_transfer(event))
        elif kind == "partial":
            self._say(_("Preview {number} is on the canvas; waiting for the next").format(number=event["index"] + 1))
        elif kind == "retry":
            self._say(event["text"])
            self._repeat_at = time.monotonic() + event["seconds"]

    def _say(self, text: str, part: float | None = None) -> None:
        self._text = text
        self._bar.set_fraction(part or 0.0)
        self._show()

    def _tick(self) -> bool:
        if self._bar.get_fraction() == 0.0:
            self._bar.pulse()
        self._show()
        return GLib.SOURCE_CONTINUE

    def _show(self) -> None:
        now = time.monotonic()
        if self._repeat_at > now:
            text = _("{reason} Trying again in {seconds} s.")
            self._label.set_text(text.format(reason=sentence(self._text), seconds=round(self._repeat_at - now)))
            return
        self._label.set_text(_("{stage} … {seconds} s").format(stage=self._text, seconds=int(now - self._begun)))


def _stages() -> dict[str, str]:
    return {
        "export": _("Reading the picture"),
        "start": _("Starting"),
        "request": _("Sending the picture"),
        "wait": _("Waiting for the result"),
        "fit": _("Lining the result up"),
    }


def _transfer(event: Event) -> tuple[str, float | None]:
    """Words and the part of bytes that have gone out or come in."""
    sent, total = event.get("sent"), event["total"]
    done = event["received"] if sent is None else sent
    if not total:
        return _("Receiving: {done:.1f} MB").format(done=done / _MEGABYTE), None
    words = _("Sending: {done:.1f} of {total:.1f} MB")
    if sent is None:
        words = _("Receiving: {done:.1f} of {total:.1f} MB")
    return words.format(done=done / _MEGABYTE, total=total / _MEGABYTE), done / total


def cancelled(job: Job, provider: str) -> str:
    """How a job ended that the user cancelled; one whose request never left has no folder any more."""
    if job.has_result:
        return _("Cancelled. The result had arrived already: it is in the history.")
    if provider == "local":
        return _("Cancelled.")
    if job.was_sent:
        return _("Cancelled. The request had been sent, so it may have been billed.")
    return _("Cancelled; nothing was billed.")
