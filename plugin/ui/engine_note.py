"""A note on what the built-in engine can do, or on why it would refuse the prompt."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import GLib, Gtk

from lib.translation import _
from plugin.edit.draft import Draft
from plugin.ui.fields import button
from plugin.ui.labels import FixedText
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_DELAY_MILLISECONDS = 250
_LINES = 3


class EngineNote(Gtk.Box):
    """A note shown only for the built-in engine, with a button that opens Settings.

    `refuses` is true if the engine would refuse the prompt; `on_change` is called when that changes. `use_prompt`
    receives the prompt that the engine can follow instead, if the user chooses it.
    """

    def __init__(
        self,
        workers: Workers,
        on_settings: Callable[[], None],
        on_change: Callable[[], None],
        use_prompt: Callable[[str], None],
    ) -> None:
        super().__init__(spacing=6)
        self.refuses = False
        self._local = False
        self._workers = workers
        self._on_change = on_change
        self._checked_prompt = ""
        self._timeout = 0
        self._label = FixedText(lines=_LINES)
        self._label.set_text(_capabilities())
        self._suggestion = ""
        self._instead = button(_("Use _This Prompt"), lambda: use_prompt(self._suggestion))
        self._instead.set_no_show_all(True)
        self.pack_start(self._label, True, True, 0)
        self.pack_start(self._instead, False, False, 0)
        self.pack_start(button(_("Se_ttings…"), on_settings, _("Other providers and their keys")), False, False, 0)

    def follow(self, draft: Draft | None) -> None:
        """Check the draft's prompt shortly after the last key press."""
        if draft is not None:
            self._local = draft.provider.name == "local"
        if draft is None or not self._local:
            self._checked_prompt = ""
            self._show_verdict({})
            return
        self._show()
        prompt = draft.options.request["prompt"]
        if prompt == self._checked_prompt:
            return
        self._checked_prompt = prompt
        if self._timeout:
            GLib.source_remove(self._timeout)
        self._timeout = GLib.timeout_add(_DELAY_MILLISECONDS, self._check, prompt)

    def _show(self) -> None:
        self.set_visible(self._local)

    def _check(self, prompt: str) -> bool:
        self._timeout = 0

        def on_answer(answer: Event) -> None:
            if prompt == self._checked_prompt:
                self._show_verdict(answer)

        self._workers.ask("check-prompt", on_answer, prompt=prompt)
        return GLib.SOURCE_REMOVE

    def _show_verdict(self, answer: Event) -> None:
        refusal = answer.get("refusal") or ""
        self._label.set_text(refusal or _capabilities())
        self._suggestion = answer.get("suggestion") or ""
        self._instead.set_visible(bool(self._suggestion))
        self._instead.set_tooltip_text(self._suggestion or None)
        changed = self.refuses != bool(refusal)
        self.refuses = bool(refusal)
        self._show()
        if changed:
            self._on_change()


def _capabilities() -> str:
    return _(
        "Works on this computer without an account: removes, fills, extends and adjusts colours."
        " For everything else, choose another provider in Settings."
    )
