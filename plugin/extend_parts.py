"""The parts of the window of Extend Canvas… and how they lie in it."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, Gtk

from lib.extension import Extension
from lib.geometry import Size
from lib.translation import _
from plugin.extend_preview import ExtendPreview
from plugin.extend_sides import SideFields
from plugin.panel.activity import Activity
from plugin.panel.engine_note import EngineNote
from plugin.panel.form import Form
from plugin.panel.problem import Problem
from plugin.panel.prompt_box import PromptBox
from plugin.panel.room import Room


class ExtendParts:
    """The drawing beside the sides, the prompt, the options; below them what happens, and GIMP's own buttons."""

    def __init__(
        self,
        dialog: GimpUi.ProcedureDialog,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        engine: EngineNote,
        on_cancel: Callable[[], None],
        on_retry: Callable[[], None],
    ) -> None:
        self.sides = SideFields(config, Size(image.get_width(), image.get_height()))
        self.preview = ExtendPreview(image, self.sides.drag)
        self.form = Form(config)
        self.engine = engine
        self.activity = Activity(on_cancel)
        self.problem = Problem(on_retry)
        self._measures = Gtk.Label()
        self._note = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=56)
        self.cost = Gtk.Label(xalign=1.0)
        self._asked = self._laid_out(PromptBox(config, _("_What should be there (empty: continue the picture):")))
        content = dialog.get_content_area()
        presets = next(child for child in content.get_children() if isinstance(child, Gtk.ButtonBox))
        column = self._column()
        content.pack_start(column, True, True, 0)
        content.reorder_child(column, 0)
        presets.pack_end(self.cost, True, True, 0)
        presets.set_child_secondary(self.cost, True)
        presets.set_child_non_homogeneous(self.cost, True)
        self.cost.show()
        dialog.set_ok_label(_("_Generate"))
        self.generate = dialog.get_widget_for_response(Gtk.ResponseType.OK)
        dialog.get_widget_for_response(Gtk.ResponseType.CANCEL).set_label(_("_Close"))

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

    def _column(self) -> Gtk.Box:
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        column.pack_start(Room(self._asked), True, True, 0)
        now_and_then = (self.engine, self._note, self.activity, self.problem)
        for part in now_and_then:
            column.pack_start(part, False, False, 0)
        column.show_all()
        for part in now_and_then:
            part.set_no_show_all(True)
            part.hide()
        return column
