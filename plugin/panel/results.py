"""The results of an edit as thumbnails side by side, and the buttons to keep or discard them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gi.repository import Gdk, Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.refine import SecondPass
from plugin.panel.corrections import CorrectionsBar
from plugin.panel.crop import around
from plugin.panel.generation import Generation, Variation
from plugin.ui import thumbnails
from plugin.ui.fields import button
from plugin.ui.layout import tighten
from plugin.ui.tooltips import calm_tooltips

_THUMBNAIL = Size(160, 96)
_ZOOMED = Size(480, 288)


@dataclass(frozen=True)
class ResultActions:
    """The callbacks of the results' buttons.

    `show` is called with the index of a result, `compare` with whether the picture is to be shown without the result,
    `redo` with the shown result's index and a value of match-colour. `second_pass` returns what would refine the shown
    result of an edit, None for nothing; `refine` sends it.
    """

    show: Callable[[int], object]
    compare: Callable[[bool], object]
    keep: Callable[[], None]
    keep_all: Callable[[], None]
    discard: Callable[[], None]
    more: Callable[[], None]
    redo: Callable[[int, str], object]
    use: Callable[[], None]
    refine: Callable[[], None]
    second_pass: Callable[[Generation], SecondPass | None]


class ResultsView(Gtk.Box):
    """Thumbnails of the results of one edit, one of them selected, and the buttons that act on it."""

    def __init__(self, actions: ResultActions) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=4)
        self._actions = actions
        self._edit: Generation | None = None
        self._listed: list[Variation] = []
        self._radios: list[Gtk.RadioButton] = []
        self._strip = Gtk.Box(spacing=4)
        self._strip.set_size_request(-1, _THUMBNAIL.height + 16)
        scroller = Gtk.ScrolledWindow(can_focus=False)
        scroller.set_policy(Gtk.PolicyType.ALWAYS, Gtk.PolicyType.NEVER)
        scroller.set_overlay_scrolling(False)
        scroller.add(self._strip)
        self._corrections = CorrectionsBar(self._redo, actions.refine)
        self._second_pass: SecondPass | None = None
        self._can_add = False
        self._keep_all = button(_("Keep _all"), actions.keep_all, _("Insert all results as layers of one group."))
        more_tooltip = _("Send the same request again and add its results to these.")
        self._more = _icon_button("list-add-symbolic", _("More like _this"), actions.more, more_tooltip)
        discard_tooltip = _("Remove the result from the canvas. It remains in the history.")
        use_tooltip = _("Keep the result and send the visible layers next time.")
        row = Gtk.Box(spacing=4)
        for each in (
            button(_("_Keep"), actions.keep, _("Keep the result on the canvas. The others remain in the history.")),
            self._keep_all,
            button(_("_Discard"), actions.discard, discard_tooltip),
            self._compare_button(),
        ):
            row.pack_start(each, True, True, 0)
        for each in (self._more, _icon_button("go-up-symbolic", _("_Use as input"), actions.use, use_tooltip)):
            row.pack_start(each, False, False, 0)
        for part in (scroller, self._corrections, row):
            self.pack_start(part, False, False, 0)

    def show_edit(self, edit: Generation, *, can_add: bool) -> None:
        """Show the results of an edit; with `can_add` more of them can be requested."""
        self._can_add = can_add
        self._more.set_sensitive(can_add)
        if edit is not self._edit or edit.variations != self._listed:
            self._edit, self._listed = edit, list(edit.variations)
            self._fill(edit)
            self._second_pass = self._actions.second_pass(edit)
        self._show_corrections()

    def select(self, number: int) -> bool:
        """Show a result on the canvas, as if it had been clicked; return whether there is one of this number."""
        if not 0 <= number < len(self._radios):
            return False
        self._radios[number].set_active(True)
        self._radios[number].grab_focus()
        return True

    def step(self, steps: int) -> bool:
        """Select the next or the previous result; return whether there is one."""
        active = [number for number, radio in enumerate(self._radios) if radio.get_active()]
        return bool(active) and self.select((active[0] + steps) % len(self._radios))

    def _fill(self, edit: Generation) -> None:
        for child in self._strip.get_children():
            self._strip.remove(child)
        self._radios = []
        for number, variation in enumerate(edit.variations):
            radio = self._thumbnail(number, variation, edit)
            self._radios.append(radio)
            self._strip.pack_start(radio, False, False, 0)
        if self._radios:
            self._radios[edit.displayed].set_active(True)
        for number, radio in enumerate(self._radios):
            radio.connect("clicked", self._on_clicked, number)
            radio.connect("key-press-event", self._on_key)
        self._keep_all.set_sensitive(len(edit.variations) > 1)
        self._strip.show_all()

    def _thumbnail(self, number: int, variation: Variation, edit: Generation) -> Gtk.RadioButton:
        radio = Gtk.RadioButton.new_from_widget(self._radios[0] if self._radios else None)
        radio.set_mode(False)
        try:
            frame = edit.canvas.frame.size
            rgba = variation.pixels().srgb(frame)
        except OSError:  # its file was deleted; clicking it shows the error
            picture = Gtk.Image.new_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        else:
            crop = around(edit.selected_area, frame, _THUMBNAIL)
            picture = Gtk.Image.new_from_pixbuf(thumbnails.of_part(rgba, frame, crop, _THUMBNAIL))
            zoomed = Gtk.Image.new_from_pixbuf(thumbnails.of_part(rgba, frame, crop, _ZOOMED))
            calm_tooltips(radio)
            radio.connect("query-tooltip", lambda *arguments: _show_zoomed(arguments[-1], zoomed))
            radio.set_has_tooltip(True)
        picture.set_size_request(_THUMBNAIL.width, _THUMBNAIL.height)
        radio.add(picture)
        tighten(radio)
        radio.get_accessible().set_name(_("Result {number}").format(number=number + 1))
        radio.get_accessible().set_description(_("Show result {number} on the canvas").format(number=number + 1))
        return radio

    def _compare_button(self) -> Gtk.Button:
        """Return the button that shows the picture without the result as long as it is held."""
        before = Gtk.Button.new_with_mnemonic(_("_Before"))
        before.set_tooltip_text(_("Hold this button, or F9, to see the picture without the result."))
        before.connect("pressed", lambda *_ignored: self._actions.compare(True))
        for signal in ("released", "unmap", "focus-out-event"):
            before.connect(signal, lambda *_ignored: self._stop_comparing())
        return before

    def _stop_comparing(self) -> bool:
        self._actions.compare(False)
        return Gdk.EVENT_PROPAGATE

    def _on_key(self, _radio: Gtk.RadioButton, event: Gdk.EventKey) -> bool:
        """Show the next or the previous result; radio buttons that look like buttons do not do so themselves."""
        steps = {Gdk.KEY_Left: -1, Gdk.KEY_Up: -1, Gdk.KEY_Right: 1, Gdk.KEY_Down: 1}
        return event.keyval in steps and self.step(steps[event.keyval])

    def _on_clicked(self, radio: Gtk.RadioButton, number: int) -> None:
        if radio.get_active():
            self._actions.show(number)
            self._second_pass = self._actions.second_pass(self._edit) if self._edit else None
            self._show_corrections()

    def _redo(self, match_colour: str) -> None:
        if self._edit:
            self._actions.redo(self._edit.displayed, match_colour)

    def _show_corrections(self) -> None:
        """Show what was corrected in the result on the canvas."""
        if self._edit and self._edit.variations:
            self._corrections.follow(self._edit.variations[self._edit.displayed].applied)
            self._corrections.offer(self._second_pass, is_possible=self._can_add)


def _icon_button(icon: str, text: str, on_click: Callable[[], None], tooltip: str) -> Gtk.Button:
    """Return a button with an icon; its text, with the mnemonic, is only for screen readers and the tooltip."""
    widget = button("", on_click, f"{text.replace('_', '')}: {tooltip}")
    widget.set_image(Gtk.Image.new_from_icon_name(icon, Gtk.IconSize.MENU))
    widget.set_always_show_image(True)
    widget.get_accessible().set_name(text.replace("_", ""))
    return widget


def _show_zoomed(tooltip: Gtk.Tooltip, picture: Gtk.Image) -> bool:
    tooltip.set_custom(picture)
    return True
