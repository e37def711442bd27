"""The panel's window: what is sent, the prompt, the options, and from one click to the next what became of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk

from lib import last_used, prompts
from lib.choices import accepted, choices
from lib.geometry import Size
from lib.translation import _
from plugin.arguments import BadArguments, defaults, read, values_of, with_settings
from plugin.help import give_help
from plugin.panel import sent_picture
from plugin.panel.activity import Activity
from plugin.panel.consent import may_cancel, may_send
from plugin.panel.draft import Draft, chosen, draft, in_words
from plugin.panel.engine_note import EngineNote
from plugin.panel.form import Form
from plugin.panel.inputs import Inputs
from plugin.panel.problem import Problem
from plugin.panel.prompt_box import PromptBox
from plugin.panel.results import Choices, Results
from plugin.panel.room import Room, move_beside
from plugin.panel.sent_picture import SentPicture
from plugin.panel.session import Offer, Session
from plugin.panel.workers import Workers
from plugin.task import EditFailed
from plugin.worker_process import Event

_POLL_MILLISECONDS = 250
_RESET = 1  # GIMP's own response of the Reset button


class Panel:
    """The window of one image; `run` returns when it was closed."""

    def __init__(
        self, procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
    ) -> None:
        self._image = image
        self._config = config
        self._workers = Workers()
        self._session = Session(self._workers, self)
        self.generated = False
        self._draft: Draft | None = None
        self._refreshing = 0
        self._outcome = ""  # how the last edit ended, where there is no result
        self._seen: tuple[Any, ...] = ()
        self._loop = GLib.MainLoop()
        title = _("Edit with Prompt – {image}").format(image=image.get_name())
        self._dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
        self._make_parts(list(layers))
        self._lay_out()
        give_help(self._dialog, "first-edit")
        self._dialog.connect("response", self._on_response)
        self._dialog.connect("key-press-event", self._on_key)
        self._dialog.connect("focus-in-event", lambda *_ignored: self._refresh_soon())
        config.connect("notify", lambda *_ignored: self._refresh_soon())

    def run(self) -> None:
        """Shows the window until it is closed."""
        self._refresh()
        move_beside(self._dialog)
        self._dialog.show()
        self._prompt.take_focus()
        polling = GLib.timeout_add(_POLL_MILLISECONDS, self._poll)
        self._loop.run()
        GLib.source_remove(polling)
        self._session.keep()
        self._workers.close()
        self._dialog.destroy()

    def raise_window(self) -> None:
        """Brings the window to the front."""
        self._dialog.present_with_time(Gdk.CURRENT_TIME)

    def _make_parts(self, layers: list[Gimp.Layer]) -> None:
        self._picture = SentPicture()
        self._inputs = Inputs(self._image, layers, self._refresh_soon)
        self._prompt = PromptBox(self._config)
        self._form = Form(self._config)
        self._engine = EngineNote(self._workers, self._open_settings, self._judge)
        self._note = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=56)
        self._activity = Activity(self._session.cancel)
        self._problem = Problem(lambda: self._start(self._session.retry))
        session = self._session
        self._results = Results(
            Choices(
                show=session.show,
                keep=lambda: self._settle(session.keep),
                keep_all=lambda: self._settle(session.keep_all),
                discard=lambda: self._settle(session.discard),
                more=lambda: self._start(session.more),
                use=self._use_as_input,
            )
        )
        self._cost = Gtk.Label(xalign=1.0)

    def _lay_out(self) -> None:
        sent = Gtk.Box(spacing=8)
        sent.pack_start(self._picture, False, False, 0)
        sent.pack_start(self._inputs, True, True, 0)
        asked = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for part in (sent, self._prompt, self._form):
            asked.pack_start(part, part is self._prompt, part is self._prompt, 0)
        self._room = Room(asked)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        column.pack_start(self._room, True, True, 0)
        for part in (self._engine, self._note):
            column.pack_start(part, False, False, 0)
        column.show_all()
        for part in (self._activity, self._problem, self._results):
            part.show_all()
            part.set_no_show_all(True)
            part.hide()
            column.pack_start(part, False, False, 0)
        self._engine.set_no_show_all(True)
        self._note.set_no_show_all(True)
        self._note.hide()
        content = self._dialog.get_content_area()
        presets = next(child for child in content.get_children() if isinstance(child, Gtk.ButtonBox))
        content.pack_start(column, True, True, 0)
        content.reorder_child(column, 0)
        presets.pack_end(self._cost, True, True, 0)
        presets.set_child_secondary(self._cost, True)
        presets.set_child_non_homogeneous(self._cost, True)
        self._cost.show()
        self._dialog.set_ok_label(_("_Generate"))
        self._generate = self._dialog.get_widget_for_response(Gtk.ResponseType.OK)
        self._dialog.get_widget_for_response(Gtk.ResponseType.CANCEL).set_label(_("_Close"))

    def _values(self) -> dict[str, Any]:
        """The arguments, without those that the chosen model and provider do not take."""
        values = with_settings(values_of(self._config))
        provider, model = chosen(read({**defaults(), "provider": values["provider"], "model": values["model"]}))
        self._form.follow(provider, model)
        return accepted(values, choices(model, provider, values["output-format"]), defaults())

    def _refresh_soon(self) -> None:
        """Once for all that changes in one turn of the main loop."""
        if not self._refreshing:
            self._refreshing = GLib.idle_add(self._refresh)

    def _refresh(self) -> bool:
        self._refreshing = 0
        if not self._image.is_valid():
            return GLib.SOURCE_REMOVE
        self._seen = sent_picture.state(self._image)
        problem = ""
        try:
            self._draft = draft(self._image, self._inputs.layers, read(self._values()))
        except (BadArguments, EditFailed) as error:
            self._draft, problem = None, str(error)
        found = self._draft
        self._say(problem or self._outcome)
        self._picture.show_draft(found)
        self._inputs.set_merged(self._config.get_property("sample-merged"))
        self._form.show_plan(found.task.plan if found else None)
        self._cost.set_text(in_words(found.cost) if found else "")
        self._engine.follow(found)
        told = self._results.get_visible() or self._problem.get_visible()
        self._engine.set_visible(self._engine.get_visible() and not told)
        self._judge()
        return GLib.SOURCE_REMOVE

    def _judge(self) -> None:
        """Generate can be clicked when there is something to send, and nothing is under way."""
        self._generate.set_sensitive(
            self._draft is not None and not self._engine.refuses and self._session.running is None
        )

    def _say(self, words: str) -> None:
        self._note.set_text(words)
        self._note.set_visible(bool(words))

    def _poll(self) -> bool:
        if not self._image.is_valid():
            if self._session.running is None and self._session.offer is None:
                self._loop.quit()
            self._generate.set_sensitive(False)
        elif sent_picture.state(self._image) != self._seen:
            self._refresh()
        return GLib.SOURCE_CONTINUE

    def _generate_now(self) -> None:
        """Asks where that is due, then sends."""
        found = self._draft
        if found is None or self._session.running or not may_send(found, self._dialog):
            return
        with contextlib.suppress(OSError):  # an edit is worth more than its prompt's place in a list
            prompts.remember(self._config.get_property("prompt") or "")
            last_used.remember(found.provider.name, found.options.model or "")
        self._start(lambda: self._session.generate(found))

    def _start(self, begin: Any) -> None:
        self._outcome = ""
        self._say("")
        self._problem.hide()
        self._results.hide()
        self._activity.begin()
        self._activity.show()
        try:
            begin()
        except (EditFailed, BadArguments) as error:
            self.on_error({"event": "error", "message": str(error)})
        except OSError as error:
            told = _("A file cannot be read or written: {reason}.").format(reason=error.strerror or error)
            self.on_error({"event": "error", "message": told, "hint": _("Make room or access, then try again.")})
        self._judge()

    def on_progress(self, event: Event) -> None:
        """Shows how far the edit is."""
        self._activity.tell(event)

    def on_results(self, offer: Offer, chosen: int) -> None:
        """Shows the results to choose from."""
        self.generated = True
        self._end()
        frame = offer.generation.canvas.frame
        self._results.offer(offer.variations, Size(frame.width, frame.height), chosen, offer.words)
        self._results.show()
        self._engine.hide()

    def on_error(self, error: Event) -> None:
        """Shows what went wrong."""
        self._end()
        self._problem.tell(error)
        self._problem.show()
        self._engine.hide()

    def on_idle(self, words: str) -> None:
        """Says how it ended where there is nothing to show."""
        self._end()
        self._outcome = words
        self._say(words)

    def _end(self) -> None:
        self._activity.end()
        self._activity.hide()
        self._results.set_visible(self._session.offer is not None)
        self._judge()

    def _settle(self, act: Any) -> None:
        act()
        self._results.hide()
        self._refresh_soon()

    def _use_as_input(self) -> None:
        """The result stays, and what is visible with it is the next first picture."""
        self._settle(self._session.keep)
        self._config.set_property("sample-merged", True)
        self._prompt.take_focus()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._dialog, self._refresh_soon)

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK and self._generate.get_sensitive():
            self._generate_now()
            return True
        return False

    def _on_response(self, dialog: Gtk.Dialog, response: int) -> None:
        if response == Gtk.ResponseType.OK:
            dialog.stop_emission_by_name("response")
            self._generate_now()
        elif response == _RESET:
            for name, value in defaults().items():
                self._config.set_property(name, value)
        elif self._session.running is None:
            self._loop.quit()
        elif may_cancel(dialog):
            self._session.cancel()
            self._loop.quit()
