"""The parts of the window of Extend Canvas… and how they lie in it."""

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
    """The drawing beside the sides, the prompt, the options; below them what happens."""

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
        self.problem = ProblemBox(on_retry)
        self._measures = Gtk.Label()
        self._note = WrappingText(characters=56)
        self._asked = self._laid_out(PromptBox(config, _("_What should be there (empty: continue the picture):")))

    def column(self) -> Gtk.Box:
        """All of them, one below the other; what is asked for scrolls where the screen is small."""
        return scrollable_column(self._asked, (self.engine, self._note, self.activity, self.problem))

    def say(self, words: str) -> None:
        """Shows a sentence, or none."""
        self._note.set_text(words)
        self._note.set_visible(bool(words))

    def show_extension(self, extension: Extension) -> None:
        """Draws the new canvas and says its size."""
        self.preview.show_extension(extension)
        old, new = extension.canvas, extension.size
        text = _("{width}×{height} pixels") if old == new else _("{old_width}×{old_height} → {width}×{height} pixels")
        self._measures.set_text(
            text.format(old_width=old.width, old_height=old.height, width=new.width, height=new.height)
        )

    def begin(self) -> None:
        """An edit is under way: nothing can be changed, but it can be cancelled."""
        self.problem.hide()
        self.say("")
        self.activity.begin()
        self.activity.show()
        self._asked.set_sensitive(False)

    def end(self) -> None:
        """It is no longer."""
        self.activity.end()
        self.activity.hide()
        self._asked.set_sensitive(True)
        self.preview.forget_result()

    def _laid_out(self, prompt: PromptBox) -> Gtk.Box:
        drawing = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        drawing.pack_start(self.preview, True, True, 0)
        drawing.pack_start(self._measures, False, False, 0)
        top = Gtk.Box(spacing=12)
        top.pack_start(drawing, True, True, 0)
        top.pack_start(self.sides, False, False, 0)
        asked = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        asked.pack_start(top, False, False, 0)
        asked.pack_start(prompt, True, True, 0)
        asked.pack_start(self.form, False, False, 0)
        return asked
