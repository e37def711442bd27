"""The progress of an edit: its stage, the time it has taken, a progress bar and Cancel."""

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


class EditProgress:
    """How far an edit is: a text with its stage and the elapsed time, and the fraction done (None if unknown)."""

    def __init__(self, stage: str = "") -> None:
        self.fraction: float | None = None
        self._started = time.monotonic()
        self._retry_at = 0.0
        self._stage = stage or _("Reading the image")

    @property
    def text(self) -> str:
        """Return the stage and the elapsed seconds, or the seconds until the request is repeated."""
        now = time.monotonic()
        if self._retry_at > now:
            text = _("{reason} Trying again in {seconds} s.")
            return text.format(reason=sentence(self._stage), seconds=round(self._retry_at - now))
        return _("{stage} … {seconds} s").format(stage=self._stage, seconds=int(now - self._started))

    def show(self, stage: str, fraction: float) -> None:
        """Show a stage without an event of the worker."""
        self._stage, self.fraction, self._retry_at = stage, fraction, 0.0

    def follow(self, event: Event) -> None:
        """Take in an event of the worker."""
        kind = event["event"]
        self._retry_at = 0.0
        if kind == "stage":
            self._stage, self.fraction = stage_texts()[event["name"]], None
        elif kind == "progress":
            self._stage, self.fraction = _transfer_progress(event)
        elif kind == "partial":
            text = _("Preview {number} received; waiting for the next one")
            self._stage, self.fraction = text.format(number=event["index"] + 1), None
        elif kind == "retry":
            self._stage, self.fraction = event["text"], None
            self._retry_at = time.monotonic() + event["seconds"]


class Activity(Gtk.Box):
    """A label with the stage and the elapsed time, a progress bar, and a button that cancels the edit."""

    def __init__(self, on_cancel: Callable[[], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._progress = EditProgress()
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
        """Start the clock."""
        self._progress = EditProgress()
        self._show()
        self._ticking = self._ticking or GLib.timeout_add(200, self._tick)

    def end(self) -> None:
        """Stop the clock."""
        if self._ticking:
            GLib.source_remove(self._ticking)
            self._ticking = 0

    def show_event(self, event: Event) -> None:
        """Show an event of the worker."""
        self._progress.follow(event)
        self._show()

    def _tick(self) -> bool:
        if not self._progress.fraction:
            self._bar.pulse()
        self._show()
        return GLib.SOURCE_CONTINUE

    def _show(self) -> None:
        if self._progress.fraction is not None:
            self._bar.set_fraction(self._progress.fraction)
        self._label.set_text(self._progress.text)


def stage_texts() -> dict[str, str]:
    """Return what is shown for each stage of an edit."""
    return {
        "export": _("Reading the image"),
        "start": _("Starting"),
        "request": _("Sending the image"),
        "wait": _("Waiting for the result"),
        "fit": _("Aligning the result"),
    }


def _transfer_progress(event: Event) -> tuple[str, float | None]:
    """Return the text and the fraction (None if unknown) of the bytes that were sent or received."""
    sent, total = event.get("sent"), event["total"]
    done = event["received"] if sent is None else sent
    if not total:
        return _("Receiving: {done:.1f} MB").format(done=done / _MEGABYTE), None
    text = _("Sending: {done:.1f} of {total:.1f} MB")
    if sent is None:
        text = _("Receiving: {done:.1f} of {total:.1f} MB")
    return text.format(done=done / _MEGABYTE, total=total / _MEGABYTE), done / total


def cancel_message(job: Job, provider: str) -> str:
    """Return the message about a cancelled job. The folder of a job that was never sent has been deleted."""
    if job.has_result:
        return _("Cancelled. The result had already arrived and is in the history.")
    if provider == "local":
        return _("Cancelled.")
    if job.was_sent:
        return _("Cancelled. The request had already been sent and may have been billed.")
    return _("Cancelled. Nothing was billed.")
