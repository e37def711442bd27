"""The results of an edit as thumbnails side by side, and the buttons to keep or discard them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gi.repository import Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.panel.corrections import CorrectionsBar
from plugin.panel.generation import Variation
from plugin.ui import thumbnails
from plugin.ui.fields import button
from plugin.ui.labels import WrappingText

_THUMBNAIL = Size(84, 64)


@dataclass(frozen=True)
class ResultActions:
    """The callbacks of the results' buttons.

    `show` is called with the index of the clicked result, `redo` with the shown one's and a value of match-colour.
    """

    show: Callable[[int], object]
    keep: Callable[[], None]
    keep_all: Callable[[], None]
    discard: Callable[[], None]
    more: Callable[[], None]
    redo: Callable[[int, str], object]
    use: Callable[[], None]


class ResultsView(Gtk.Box):
    """Thumbnails of the results, one of them selected, and the buttons that act on it."""

    def __init__(self, actions: ResultActions) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=4)
        self._actions = actions
        self._message = WrappingText(characters=52)
        self._corrections = CorrectionsBar(lambda mode: actions.redo(self._selected, mode))
        self._variations: Sequence[Variation] = ()
        self._selected = 0
        self._strip = Gtk.Box(spacing=4)
        scroller = Gtk.ScrolledWindow(can_focus=False, min_content_height=_THUMBNAIL.height + 22)
        scroller.set_policy(Gtk.PolicyType.AUTOMATIC, Gtk.PolicyType.NEVER)
        scroller.add(self._strip)
        self._keep_all = button(_("Keep _all"), actions.keep_all, _("Insert all results as layers of one group."))
        row = Gtk.Box(spacing=4)
        for each in (
            button(_("_Keep"), actions.keep, _("Keep the result on the canvas. The others remain in the history.")),
            self._keep_all,
            button(_("_Discard"), actions.discard, _("Remove the result from the canvas. It remains in the history.")),
            button(_("More like _this"), actions.more, _("Send the same request again and add its results to these.")),
            button(_("_Use as input"), actions.use, _("Keep the result and send the visible layers next time.")),
        ):
            row.pack_start(each, True, True, 0)
        for part in (self._message, self._corrections, scroller, row):
            self.pack_start(part, False, False, 0)

    def show_results(self, variations: Sequence[Variation], size: Size, selected: int, message: str) -> None:
        """Show results, one of them selected, with a message about their cost and the notes."""
        for child in self._strip.get_children():
            self._strip.remove(child)
        first: Gtk.RadioButton | None = None
        for number, variation in enumerate(variations):
            radio = self._thumbnail(number, variation, size, first)
            first = first or radio
            if number == selected:
                radio.set_active(True)
            radio.connect("clicked", self._on_clicked, number)
            self._strip.pack_start(radio, False, False, 0)
        self._variations = variations
        self._select(selected)
        self._message.set_text(message)
        self._keep_all.set_sensitive(len(variations) > 1)
        self._strip.show_all()

    def _thumbnail(
        self, number: int, variation: Variation, size: Size, first: Gtk.RadioButton | None
    ) -> Gtk.RadioButton:
        radio = Gtk.RadioButton.new_from_widget(first)
        radio.set_mode(False)
        try:
            picture = Gtk.Image.new_from_pixbuf(thumbnails.of_pixels(variation.rgba(), size, _THUMBNAIL))
        except OSError:  # its file was deleted; clicking it shows the error
            picture = Gtk.Image.new_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        radio.add(picture)
        radio.get_accessible().set_name(_("Result {number}").format(number=number + 1))
        radio.set_tooltip_text(_("Show result {number} on the canvas").format(number=number + 1))
        return radio

    def _on_clicked(self, radio: Gtk.RadioButton, number: int) -> None:
        if radio.get_active():
            self._select(number)
            self._actions.show(number)

    def _select(self, number: int) -> None:
        self._selected = number
        self._corrections.follow(self._variations[number].applied)
