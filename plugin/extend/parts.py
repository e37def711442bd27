"""The widgets of the Extend Canvas… window and their layout."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gimp, Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.extend.extension import Extension
from plugin.extend.preview import ExtendPreview
from plugin.extend.sides import SideFields
from plugin.panel.form import OptionsForm
from plugin.ui.activity import Activity
from plugin.ui.engine_note import EngineNote
from plugin.ui.labels import WrappingText
from plugin.ui.layout import scrollable_column
from plugin.ui.problem import ProblemBox
from plugin.ui.prompt_box import PromptBox


class ExtendParts:
    """The drawing beside the fields of the sides, the prompt and the options; below them progress and errors."""

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        engine: EngineNote,
        on_cancel: Callable[[], None],
        on_retry: Callable[[], None],
    ) -> None:
        self.sides = SideFields(config, Size(image.get_width(), image.get_height()))
        self.preview = ExtendPreview(image, self.sides.drag)
        self.form = OptionsForm(config)
        self.engine = engine
        self.activity = Activity(on_cancel)
        self.problem = ProblemBox(config, on_retry)
        self._size_label = Gtk.Label()
        self._note = WrappingText(characters=56)
        question = _("_What to generate (leave empty to continue the picture):")
        self._controls = self._create_controls(PromptBox(config, question))

    def column(self) -> Gtk.Box:
        """Return all widgets in one column; on a small screen the controls scroll."""
        return scrollable_column(self._controls, (self.engine, self._note, self.activity, self.problem))

    def say(self, message: str) -> None:
        """Show a message; hide the label if it is empty."""
        self._note.set_text(message)
        self._note.set_visible(bool(message))

    def show_extension(self, extension: Extension) -> None:
        """Draw the new canvas and show its size."""
        self.preview.show_extension(extension)
        old, new = extension.canvas, extension.size
        text = _("{width}×{height} pixels") if old == new else _("{old_width}×{old_height} → {width}×{height} pixels")
        self._size_label.set_text(
            text.format(old_width=old.width, old_height=old.height, width=new.width, height=new.height)
        )

    def begin(self) -> None:
        """Disable the controls and show the progress of an edit."""
        self.problem.hide()
        self.say("")
        self.activity.begin()
        self.activity.show()
        self._controls.set_sensitive(False)

    def end(self) -> None:
        """Hide the progress and enable the controls again."""
        self.activity.end()
        self.activity.hide()
        self._controls.set_sensitive(True)
        self.preview.clear_result()

    def _create_controls(self, prompt: PromptBox) -> Gtk.Box:
        drawing = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        drawing.pack_start(self.preview, True, True, 0)
        drawing.pack_start(self._size_label, False, False, 0)
        top = Gtk.Box(spacing=12)
        top.pack_start(drawing, True, True, 0)
        top.pack_start(self.sides, False, False, 0)
        controls = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        controls.pack_start(top, False, False, 0)
        controls.pack_start(prompt, True, True, 0)
        controls.pack_start(self.form, False, False, 0)
        return controls
