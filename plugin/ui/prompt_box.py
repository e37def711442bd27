"""The text box for the prompt, with a list of previous prompts."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gdk, Gimp, Gtk, Pango

from lib.settings import prompts
from lib.translation import _


class PromptBox(Gtk.Box):
    """A multi-line text box bound to the argument `prompt`; Ctrl+Up and Ctrl+Down browse previous prompts."""

    def __init__(self, config: Gimp.ProcedureConfig, question: str = "") -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._config = config
        self._recall = prompts.PromptHistory()
        self.view = Gtk.TextView(
            wrap_mode=Gtk.WrapMode.WORD_CHAR,
            accepts_tab=False,
            left_margin=5,
            right_margin=5,
            top_margin=5,
            bottom_margin=5,
        )
        self.view.get_accessible().set_name(_("Prompt"))
        self.view.set_tooltip_text(_("Press Ctrl+Enter to generate, Ctrl+Up or Ctrl+Down to browse previous prompts."))
        self.view.connect("key-press-event", self._on_key)
        self._buffer = self.view.get_buffer()
        self._buffer.connect("changed", self._on_typed)
        config.connect("notify::prompt", lambda *_ignored: self._show())
        self.pack_start(self._head(question or _("_What to generate (leave empty to remove):")), False, False, 0)
        scroller = Gtk.ScrolledWindow(can_focus=False, shadow_type=Gtk.ShadowType.IN, min_content_height=58)
        scroller.add(self.view)
        self.pack_start(scroller, True, True, 0)
        self._show()

    def take_focus(self) -> None:
        """Focus the text box and select its text, so that typing replaces the last prompt."""
        self._buffer.select_range(*self._buffer.get_bounds())
        self.view.grab_focus()

    def _head(self, question: str) -> Gtk.Box:
        label = Gtk.Label(label=question, use_underline=True, xalign=0.0)
        label.set_mnemonic_widget(self.view)
        history = Gtk.MenuButton(label=_("Previous _prompts"), use_underline=True)
        history.set_popover(_PreviousPrompts(self._use))
        head = Gtk.Box(spacing=6)
        head.pack_start(label, True, True, 0)
        head.pack_start(history, False, False, 0)
        return head

    def _text(self) -> str:
        return self._buffer.get_text(*self._buffer.get_bounds(), False)

    def _show(self) -> None:
        text = self._config.get_property("prompt") or ""
        if text != self._text():
            self._buffer.set_text(text)

    def _on_typed(self, _buffer: Gtk.TextBuffer) -> None:
        if self._config.get_property("prompt") != self._text():
            self._config.set_property("prompt", self._text())

    def _use(self, text: str) -> None:
        self._config.set_property("prompt", text)
        self.view.grab_focus()

    def _on_key(self, _view: Gtk.TextView, event: Gdk.EventKey) -> bool:
        steps = {Gdk.KEY_Up: 1, Gdk.KEY_Down: -1}
        if not event.state & Gdk.ModifierType.CONTROL_MASK or event.keyval not in steps:
            return False
        self._config.set_property("prompt", self._recall.step(self._text(), steps[event.keyval]))
        return True


class _Row(Gtk.ListBoxRow):
    """A previous prompt in the list."""

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self.prompt = prompt


class _PreviousPrompts(Gtk.Popover):
    """The previous prompts, starred ones first, with a search box."""

    def __init__(self, use: Callable[[str], None]) -> None:
        super().__init__()
        self._use = use
        self._search = Gtk.SearchEntry(placeholder_text=_("Search previous prompts"))
        self._search.get_accessible().set_name(_("Search previous prompts"))
        self._search.connect("search-changed", lambda *_ignored: self._list.invalidate_filter())
        self._list = Gtk.ListBox(activate_on_single_click=True)
        self._list.set_filter_func(self._matches)
        self._list.connect("row-activated", self._on_row_activated)
        placeholder = Gtk.Label(label=_("No previous prompts"), margin=12, visible=True)
        self._list.set_placeholder(placeholder)
        scroller = Gtk.ScrolledWindow(can_focus=False, width_request=380, min_content_height=220)
        scroller.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        scroller.add(self._list)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin=6)
        box.pack_start(self._search, False, False, 0)
        box.pack_start(scroller, True, True, 0)
        box.show_all()
        self.add(box)
        self.connect("map", lambda *_ignored: self._fill())

    def _fill(self) -> None:
        for row in self._list.get_children():
            self._list.remove(row)
        for prompt in prompts.load():
            self._list.add(self._row(prompt))
        self._search.grab_focus()

    def _row(self, prompt: prompts.Prompt) -> _Row:
        star = Gtk.ToggleButton(label="★" if prompt.starred else "☆", active=prompt.starred)
        star.get_accessible().set_name(_("Star"))
        star.set_tooltip_text(_("Starred prompts are kept and listed first."))
        star.connect("toggled", self._on_starred, prompt.text)
        one_line = " ".join(prompt.text.split())
        text = Gtk.Label(label=one_line, xalign=0.0, ellipsize=Pango.EllipsizeMode.END, max_width_chars=46)
        text.set_tooltip_text(prompt.text)
        box = Gtk.Box(spacing=6, margin=3)
        box.pack_start(text, True, True, 0)
        box.pack_start(star, False, False, 0)
        row = _Row(prompt.text)
        row.add(box)
        row.show_all()
        return row

    def _matches(self, row: _Row) -> bool:
        return all(word in row.prompt.casefold() for word in self._search.get_text().casefold().split())

    def _on_starred(self, star: Gtk.ToggleButton, text: str) -> None:
        star.set_label("★" if star.get_active() else "☆")
        prompts.star(text, star.get_active())

    def _on_row_activated(self, _list: Gtk.ListBox, row: _Row) -> None:
        self.popdown()
        self._use(row.prompt)
