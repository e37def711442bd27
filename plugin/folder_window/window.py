"""The window of Edit Folder…: the pictures of a folder, their options, and the run that edits them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gegl, Gimp, GimpUi, GLib, Gtk

from lib.settings import prompts
from lib.translation import _
from plugin.edit.arguments import set_values
from plugin.errors import BadArguments, file_error_message
from plugin.expect import expect
from plugin.folder import saved_arguments
from plugin.folder.arguments import FolderScan, InputPicture, RunSpec, check_arguments, find_pictures
from plugin.folder.expected import Estimator, Expectation
from plugin.folder.state import DONE, FAILED, UNKNOWN
from plugin.folder_window import questions
from plugin.folder_window.form import FolderForm
from plugin.folder_window.opening import open_image, open_report, show_with_result
from plugin.folder_window.parts import Actions, WindowParts
from plugin.folder_window.picture_list import ListActions, PictureList
from plugin.folder_window.previews import Previews
from plugin.folder_window.run_control import RunControl
from plugin.folder_window.statuses import INTERRUPTED, Statuses
from plugin.folder_window.texts import earlier_run_text, expectation_text, run_text
from plugin.ui.help import add_help_button
from plugin.ui.layout import open_large
from plugin.ui.start import init_windows
from plugin.worker.workers import Workers

_START, _REPORT = 1, 2
_SIZE = (1240, 650)
_DELAY_MILLISECONDS = 200
_SCANNED = ("input-folder", "output-folder", "pattern", "prompts-file", "mask")


class FolderWindow:
    """The window; `run` returns when it is closed and no run is left."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        self._config = config
        self._workers = Workers()
        self._statuses = Statuses()
        self._control = RunControl(self._statuses, self)
        self._loop = GLib.MainLoop()
        self._scan, self._scan_key = FolderScan(None, None), tuple[Any, ...]()
        self._spec: RunSpec | None = None
        self._estimator: Estimator | None = None
        self._earlier: dict[str, Any] = {}
        self._refreshing = 0
        self._is_closed = self._is_running = False
        self._outcome = ""
        set_values(config, saved_arguments.of_last_run())
        self._dialog = GimpUi.Dialog(title=_("Edit Folder"), role="generative-edit-folder")
        self._previews = Previews(self._workers, self._on_preview, self._show_expectation)
        self._list = PictureList(
            lambda: self._previews, self._statuses, ListActions(self._on_selection, self._on_activated)
        )
        self._form = FolderForm(config)
        actions = Actions(
            try_one=self._try_one,
            open_results=self._open_results,
            run_again=self._run_again,
            pause=self._pause,
            finish=self._finish,
            cancel=self._cancel,
            use_settings=self._use_settings,
        )
        self._parts = WindowParts(self._form, self._list, actions)
        self._lay_out()

    def run(self) -> None:
        """Show the window until it is closed; the pictures are listed as soon as it is seen."""
        self._show_state()
        self._parts.show_all()
        self._dialog.show()
        self._form.take_focus()
        self._refreshing = GLib.idle_add(self._refresh)
        self._loop.run()
        self._previews.close()
        self._workers.close()
        self._dialog.destroy()

    def on_item(self, name: str) -> None:
        """Show the changed status of a picture."""
        for output in self._statuses.of(name).outputs:
            self._previews.forget_result(name, self._out / output)
        self._list.refresh(name)
        if name in self._list.selected:
            self._on_selection()

    def on_tick(self) -> None:
        """Show the progress of the run."""
        current = self._control.current
        if current:
            text = run_text(current, self._statuses, is_paused=self._parts.pause.get_active())
            self._parts.progress_text.set_text(text)
            self._parts.bar.set_fraction(current.log.time_left.share)

    @property
    def _out(self) -> Path:
        return self._scan.out or Path()

    def _lay_out(self) -> None:
        open_large(self._dialog, *_SIZE)
        self._dialog.get_content_area().pack_start(self._parts, True, True, 0)
        add_help_button(self._dialog, "batch")
        for label, response in (
            (_("Open Re_port"), _REPORT),
            (_("_Edit All"), _START),
            (_("_Close"), Gtk.ResponseType.CLOSE),
        ):
            self._dialog.add_button(label, response)
        self._start_button, self._report_button = self._button(_START), self._button(_REPORT)
        self._dialog.connect("response", self._on_response)
        self._dialog.connect("key-press-event", self._on_key)
        self._dialog.connect("delete-event", lambda *_ignored: True)  # "response" decides
        self._config.connect("notify", lambda *_ignored: self._refresh_soon())

    def _button(self, response: int) -> Gtk.Button:
        return expect(Gtk.Button, self._dialog.get_widget_for_response(response))

    def _refresh_soon(self) -> None:
        """Refresh the window once, shortly after the last change."""
        if self._refreshing:
            GLib.source_remove(self._refreshing)
        self._refreshing = GLib.timeout_add(_DELAY_MILLISECONDS, self._refresh)

    def _refresh(self) -> bool:
        """Find the pictures, check the options and show what would be done with them."""
        self._refreshing = 0
        if self._is_running:
            return GLib.SOURCE_REMOVE
        values = self._form.values()
        problems = self._find_pictures(values)
        self._spec, self._estimator = None, None
        try:
            self._spec = check_arguments(values, self._scan)
            self._estimator = Estimator(self._spec)
        except BadArguments as error:
            problems = problems or _readable(values, error)
        self._list.show_pictures(self._scan.pictures, self._scan.out)
        if self._scan.source:
            self._previews.follow(self._spec or _unchecked(self._scan, values))
        self._show_state(problems)
        return GLib.SOURCE_REMOVE

    def _find_pictures(self, values: dict[str, Any]) -> str:
        """Find the pictures again if an argument on which they depend has changed; return a problem of the disk."""
        key = (*(values[name] for name in _SCANNED), _modified(values["prompts-file"]))
        if key == self._scan_key:
            return ""
        self._outcome = ""
        try:
            self._scan = find_pictures(values)
        except OSError as error:
            self._scan, self._scan_key = FolderScan(None, None), ()
            return file_error_message(error)
        self._scan_key = key
        self._load_state()
        return ""

    def _load_state(self) -> None:
        self._statuses.load(self._scan.out)
        self._earlier = saved_arguments.of_run(self._scan.out) if self._scan.out else {}

    def _show_state(self, problems: str = "") -> None:
        """Show the message, the expected cost, and which buttons can be used."""
        is_running = self._is_running
        self._parts.set_running(is_running)
        offer = "" if is_running else self._offer()
        self._parts.message.set_text(problems or self._outcome or offer)
        has_other = bool(offer) and self._earlier != self._form.values() and bool(self._earlier)
        self._parts.use_settings.set_visible(has_other)
        self._start_button.set_sensitive(self._spec is not None and not is_running)
        self._report_button.set_sensitive(self._report is not None)
        self._show_expectation()
        self._on_selection()

    def _offer(self) -> str:
        """Return the offer to continue an earlier run of these pictures; empty if there is none."""
        counts = self._statuses.counts(picture.name for picture in self._scan.pictures)
        count, done = counts.total(), counts[DONE]
        is_begun = done or counts[INTERRUPTED] or counts[FAILED] or counts[UNKNOWN]
        return earlier_run_text(done, count) if is_begun and done < count else ""

    def _pending(self) -> list[InputPicture]:
        """Return the pictures that Edit All would edit."""
        return [picture for picture in self._scan.pictures if self._statuses.of(picture.name).state != DONE]

    def _expectation(self, only: Collection[str] | None = None) -> Expectation | None:
        if not self._estimator:
            return None
        pictures = [each for each in self._pending() if only is None or each.name in only]
        return self._estimator.estimate(pictures, self._previews.measures)

    def _show_expectation(self) -> None:
        if self._is_running or self._is_closed:
            return
        expectation = self._expectation()
        self._parts.progress_text.set_text(expectation_text(expectation) if expectation else "")
        self._parts.bar.set_fraction(0.0)

    def _on_preview(self, name: str) -> None:
        if not self._is_closed:
            self._list.refresh(name)

    def _on_selection(self) -> None:
        """Show the details of the selected picture, and enable the buttons that apply to the selection."""
        selected = self._list.selected
        can_start = self._spec is not None and not self._is_running
        status = self._statuses.of(selected[0]) if len(selected) == 1 else None
        self._parts.details.set_text(status.message if status else "")
        self._parts.try_one.set_sensitive(can_start and len(selected) == 1)
        self._parts.open_results.set_sensitive(any(self._statuses.of(name).outputs for name in selected))
        self._parts.run_again.set_sensitive(can_start and bool(self._failed(selected)))

    def _failed(self, names: Collection[str]) -> list[str]:
        return [name for name in names if self._statuses.of(name).state in (FAILED, UNKNOWN, INTERRUPTED)]

    def _on_activated(self, name: str) -> None:
        if self._statuses.of(name).outputs:
            self._open_results()
        elif self._parts.try_one.get_sensitive():
            self._try_one()

    def _start(self) -> None:
        self._start_run(None)

    def _run_again(self) -> None:
        self._start_run(self._failed(self._list.selected))

    def _try_one(self) -> None:
        """Edit the selected picture and open it with its result; open the result if it is done already."""
        (name,) = self._list.selected
        if self._statuses.of(name).state == DONE:
            self._open_results()
        else:
            self._start_run([name], opens_result=True)

    def _start_run(self, only: Collection[str] | None, *, opens_result: bool = False) -> None:
        spec = self._spec
        if spec is None or self._is_running:
            return
        names = [picture.name for picture in self._pending() if only is None or picture.name in only]
        unknown = [name for name in names if self._statuses.of(name).state == UNKNOWN]
        if not questions.confirm_run(self._dialog, spec, names, self._expectation(only)):
            return
        if only is not None and unknown:
            if not questions.confirm_unknown(self._dialog, len(unknown)):
                return
            spec = questions.with_unknown(spec)
        with contextlib.suppress(OSError):  # a full disk must not prevent the run
            prompts.remember(spec.values["prompt"])
        self._is_running = True
        # The run works until its end, while the button that started it must be released.
        GLib.idle_add(self._run, spec, only, opens_result)

    def _run(self, spec: RunSpec, only: Collection[str] | None, opens_result: bool) -> bool:
        self._outcome = ""
        Gegl.init(None)
        self._show_state()
        if opens_result:
            self._outcome = self._control.run(spec, only, show_with_result)
        else:
            self._outcome = self._control.run(spec, only)
        self._is_running = False
        if self._is_closed:
            Gimp.message(self._outcome)
            self._loop.quit()
            return GLib.SOURCE_REMOVE
        self._earlier = saved_arguments.of_run(spec.out)
        self._refresh()
        self._list.view.queue_draw()
        return GLib.SOURCE_REMOVE

    def _pause(self, is_paused: bool) -> None:
        current = self._control.current
        if current and is_paused:
            current.hold()
        elif current:
            current.resume()
        self.on_tick()

    def _finish(self) -> None:
        if self._control.current:
            self._control.current.finish()
            self._parts.finish.set_sensitive(False)
            self._parts.pause.set_sensitive(False)

    def _cancel(self) -> None:
        if self._control.current:
            self._control.current.stop("")

    def _use_settings(self) -> None:
        """Set the options as they were in the earlier run, in the folders that are chosen now."""
        folders = ("input-folder", "output-folder")
        set_values(self._config, {name: value for name, value in self._earlier.items() if name not in folders})

    def _open_results(self) -> None:
        for name in self._list.selected:
            for output in self._statuses.of(name).outputs:
                problem = open_image(self._out / output)
                if problem:
                    self._parts.message.set_text(problem)

    @property
    def _report(self) -> Path | None:
        name = self._control.summary.table if self._control.summary else "report.csv"
        path = self._out / name
        return path if self._scan.out and path.is_file() else None

    def _on_response(self, dialog: Gtk.Dialog, response: int) -> None:
        if response == _START:
            self._start()
        elif response == _REPORT:
            self._parts.message.set_text(open_report(self._report) if self._report else "")
        elif response in (Gtk.ResponseType.CLOSE, Gtk.ResponseType.DELETE_EVENT):
            self._close()

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK and self._start_button.get_sensitive():
            self._start()
            return True
        return False

    def _close(self) -> None:
        """Close the window; ask first what should happen to a run in progress."""
        if self._control.current is None:
            self._is_closed = True
            self._loop.quit()
            return
        answer = questions.ask_about_run(self._dialog)
        current = self._control.current
        if answer is questions.Closing.STAY:
            return
        self._is_closed = True
        self._dialog.hide()
        if current is None:
            self._loop.quit()
            return
        if answer is questions.Closing.STOP:
            current.finish()
        self._control.show_in_gimp()


def _modified(prompts_file: str) -> float:
    with contextlib.suppress(OSError):
        return Path(prompts_file).stat().st_mtime if prompts_file else 0.0
    return 0.0


def _unchecked(scan: FolderScan, values: dict[str, Any]) -> RunSpec:
    """Return a run for the previews only, whose options may be invalid."""
    source = scan.source or Path()
    return RunSpec(source, scan.out or source, scan.pictures, 1, 0.0, False, values)


def _readable(values: dict[str, Any], error: BadArguments) -> str:
    """Return the problems with the arguments for the user, who may only have to choose the folders."""
    if not values["input-folder"]:
        return _("Choose the folder with the pictures.")
    if not values["output-folder"]:
        return _("Choose a folder for the results.")
    return str(error)


def show_folder_window(config: Gimp.ProcedureConfig) -> None:
    """Show the window until it is closed."""
    init_windows()
    Gegl.init(None)
    FolderWindow(config).run()
