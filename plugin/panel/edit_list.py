"""The list of the edits that wait, run, failed or have results: a picture, the prompt, the state, and Cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib, Gtk, Pango

from lib.frame.geometry import Size
from lib.translation import _, ngettext
from plugin.panel.generation import Generation, State
from plugin.ui import thumbnails
from plugin.ui.labels import wrapped_label
from plugin.ui.layout import clear_background, tighten
from plugin.ui.tooltips import calm_tooltips

_PICTURE = Size(48, 36)
_VISIBLE_ROWS = 2
_ROW_HEIGHT = 50


class EditList(Gtk.ScrolledWindow):
    """A list of fixed height that scrolls; `on_select` and `on_cancel` are called with the row's edit."""

    def __init__(self, on_select: Callable[[Generation], None], on_cancel: Callable[[Generation], None]) -> None:
        super().__init__(can_focus=False, shadow_type=Gtk.ShadowType.IN)
        self.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.ALWAYS)
        self.set_overlay_scrolling(False)
        height = _VISIBLE_ROWS * _ROW_HEIGHT
        self.set_min_content_height(height)
        self.set_max_content_height(height)
        self._on_select, self._on_cancel = on_select, on_cancel
        self._rows: list[_Row] = []
        self._ticking = 0
        self._selected: Generation | None = None
        self._box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        self._box.get_accessible().set_name(_("Edits"))
        self._empty = wrapped_label(_("Waiting and running edits are listed here."), characters=40)
        self._empty.set_xalign(0.5)
        stack = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        stack.pack_start(self._box, False, False, 0)
        stack.pack_start(self._empty, True, True, 0)
        self.add(stack)

    def show_edits(self, edits: Sequence[Generation], selected: Generation | None) -> None:
        """Show the edits, the last one at the top, without replacing rows that stay: they may have the focus."""
        for row in [row for row in self._rows if row.edit not in edits]:
            self._rows.remove(row)
            self._box.remove(row)
        listed = [row.edit for row in self._rows]
        for edit in (each for each in edits if each not in listed):
            row = _Row(edit, self._rows[0].radio if self._rows else None, self._on_select, self._on_cancel)
            self._rows.append(row)
            self._box.pack_end(row, False, False, 0)
            row.show_all()
            calm_tooltips(row)
        for row in self._rows:
            row.refresh(is_selected=row.edit is selected)
        if selected is not self._selected:
            self._selected = selected
            GLib.idle_add(self._scroll_to_selected)  # after the layout, which has a higher priority
        self._empty.set_visible(not self._rows)
        self._tick_while(any(edit.is_unfinished for edit in edits))

    def stop(self) -> None:
        """Stop the clock."""
        self._tick_while(False)

    def _scroll_to_selected(self) -> bool:
        for row in self._rows:
            if row.edit is self._selected and self.get_mapped():
                area = row.get_allocation()
                self.get_vadjustment().clamp_page(area.y, area.y + area.height)
        return GLib.SOURCE_REMOVE

    def _tick_while(self, is_running: bool) -> None:
        if is_running and not self._ticking:
            self._ticking = GLib.timeout_add(200, self._tick)
        elif not is_running and self._ticking:
            GLib.source_remove(self._ticking)
            self._ticking = 0

    def _tick(self) -> bool:
        for row in self._rows:
            row.tick()
        return GLib.SOURCE_CONTINUE


class _Row(Gtk.Box):
    """One edit."""

    def __init__(
        self,
        edit: Generation,
        group: Gtk.RadioButton | None,
        on_select: Callable[[Generation], None],
        on_cancel: Callable[[Generation], None],
    ) -> None:
        super().__init__(spacing=3)
        self.edit = edit
        self._on_select = on_select
        self._is_refreshing = False
        self.radio = Gtk.RadioButton.new_from_widget(group)
        self.radio.set_mode(False)
        self.radio.set_relief(Gtk.ReliefStyle.NONE)
        self.radio.connect("clicked", lambda *_ignored: self._clicked())
        self._state = Gtk.Label(xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        self._bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        self._bar.get_accessible().set_name(_("Progress"))
        self._cancel = Gtk.Button.new_from_icon_name("window-close-symbolic", Gtk.IconSize.MENU)
        self._cancel.set_valign(Gtk.Align.CENTER)
        self._cancel.connect("clicked", lambda *_ignored: on_cancel(edit))
        self.radio.add(self._content())
        tighten(self.radio)
        self.pack_start(self.radio, True, True, 0)
        self.pack_start(self._cancel, False, False, 0)

    def refresh(self, *, is_selected: bool) -> None:
        """Show the edit's state, and whether its results or its error are shown below."""
        edit = self.edit
        self._is_refreshing = True
        self.radio.set_active(is_selected)
        self._is_refreshing = False
        self.radio.get_accessible().set_name(f"{edit.prompt}: {state_text(edit)}")
        action = _("Cancel the edit") if edit.is_unfinished else _("Remove from the list")
        self._cancel.set_tooltip_text(action)
        self._cancel.get_accessible().set_name(f"{action}: {edit.prompt}")
        self._bar.set_opacity(float(edit.state is State.RUNNING))
        self.tick()

    def tick(self) -> None:
        """Show how far the edit is."""
        text = state_text(self.edit)
        if text != self._state.get_text():  # as a new text lets GTK lay out the whole window
            self._state.set_text(text)
        if self.edit.progress.fraction is not None:
            self._bar.set_fraction(self.edit.progress.fraction)
        elif self.edit.state is State.RUNNING:
            self._bar.pulse()

    def _content(self) -> Gtk.Box:
        prompt = Gtk.Label(label=self.edit.prompt, xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        text = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, valign=Gtk.Align.CENTER)
        clear_background(text)
        for widget in (prompt, self._state, self._bar):
            text.pack_start(widget, False, False, 0)
        box = Gtk.Box(spacing=6)
        picture = Gtk.Image.new_from_pixbuf(_picture(self.edit))
        picture.set_size_request(_PICTURE.width, _PICTURE.height)
        box.pack_start(picture, False, False, 0)
        box.pack_start(text, True, True, 0)
        return box

    def _clicked(self) -> None:
        if self.radio.get_active() and not self._is_refreshing:
            self._on_select(self.edit)


def state_text(edit: Generation) -> str:
    """Return what an edit does, or how it ended."""
    if edit.state is State.FAILED and edit.error:
        return _("Failed: {reason}").format(reason=edit.error["message"])
    if edit.state is not State.DONE:
        return edit.progress.text
    count = len(edit.variations)
    return ngettext("{count} result", "{count} results", count).format(count=count) + cost_suffix(edit)


def cost_suffix(edit: Generation) -> str:
    """Return the cost of an edit, as the end of a sentence."""
    cost = edit.report["cost"]
    if cost is None:
        return _(", cost unknown.")
    return _(", ${cost:.3f}.").format(cost=cost) if cost else "."


def _picture(edit: Generation) -> GdkPixbuf.Pixbuf:
    """Return a small picture of what is sent, with the selection highlighted."""
    draft = edit.draft
    layer = None if draft.options.sample_merged else draft.layers[0]
    return thumbnails.of_frame(draft.image, layer, draft.task.plan.frame, _PICTURE, draft.task)
