"""What the built-in engine can do, said before the click; and why it would refuse a prompt."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import GLib, Gtk

from lib.translation import _
from plugin.edit.draft import Draft
from plugin.ui.fields import button
from plugin.ui.labels import wrapped_label
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_PAUSE_MILLISECONDS = 250


class EngineNote(Gtk.Box):
    """A line shown for the built-in engine only, with a way to the settings of other providers.

    `refuses` is true where the engine would refuse the prompt; `on_verdict` is called when that changes.
    """

    def __init__(self, workers: Workers, on_settings: Callable[[], None], on_verdict: Callable[[], None]) -> None:
        super().__init__(spacing=6)
        self.refuses = False
        self._local = self._brief = False
        self._workers = workers
        self._on_verdict = on_verdict
        self._asked = ""
        self._waiting = 0
        self._label = wrapped_label(_can(), characters=44)
        self.pack_start(self._label, True, True, 0)
        self.pack_start(button(_("Se_ttings…"), on_settings, _("Other providers, and their keys")), False, False, 0)

    def follow(self, draft: Draft | None) -> None:
        """Judges the draft's prompt, a moment after the last key."""
        if draft is not None:
            self._local = draft.provider.name == "local"
        if draft is None or not self._local:
            self._asked = ""
            self._judge("")
            return
        self._show()
        prompt = draft.options.request["prompt"]
        if prompt == self._asked:
            return
        self._asked = prompt
        if self._waiting:
            GLib.source_remove(self._waiting)
        self._waiting = GLib.timeout_add(_PAUSE_MILLISECONDS, self._ask, prompt)

    def be_brief(self, brief: bool) -> None:
        """Leaves the room to results and errors: only a refusal is still shown."""
        self._brief = brief
        self._show()

    def _show(self) -> None:
        self.set_visible(self._local and (self.refuses or not self._brief))

    def _ask(self, prompt: str) -> bool:
        self._waiting = 0

        def heard(answer: Event) -> None:
            if prompt == self._asked:
                self._judge(answer.get("refusal") or "")

        self._workers.ask("check-prompt", heard, prompt=prompt)
        return GLib.SOURCE_REMOVE

    def _judge(self, refusal: str) -> None:
        self._label.set_text(refusal or _can())
        changed = self.refuses != bool(refusal)
        self.refuses = bool(refusal)
        self._show()
        if changed:
            self._on_verdict()


def _can() -> str:
    return _(
        "Works on this computer, without an account: removes, fills, extends and adjusts colours."
        " For all else choose another provider in Settings."
    )
