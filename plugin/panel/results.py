"""The results of an edit side by side: which one is on the canvas, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gi.repository import Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.panel.generation import Variation
from plugin.ui import thumbnails
from plugin.ui.fields import button
from plugin.ui.labels import WrappingText

_THUMBNAIL = Size(84, 64)


@dataclass(frozen=True)
class Choices:
    """What the user can do with results; each is called without arguments but `show`, which gets a result's place."""

    show: Callable[[int], object]
    keep: Callable[[], None]
    keep_all: Callable[[], None]
    discard: Callable[[], None]
    more: Callable[[], None]
    use: Callable[[], None]


class ResultsView(Gtk.Box):
    """Thumbnails of the results, of which one is chosen, and the buttons for it."""

    def __init__(self, act: Choices) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=4)
        self._act = act
        self._message = WrappingText(characters=52)
        self._strip = Gtk.Box(spacing=4)
        scroller = Gtk.ScrolledWindow(can_focus=False, min_content_height=_THUMBNAIL.height + 22)
        scroller.set_policy(Gtk.PolicyType.AUTOMATIC, Gtk.PolicyType.NEVER)
        scroller.add(self._strip)
        self._keep_all = button(_("Keep _all"), act.keep_all, _("All of them become layers of one group."))
        row = Gtk.Box(spacing=4)
        for each in (
            button(_("_Keep"), act.keep, _("The result on the canvas stays, the others are in the history.")),
            self._keep_all,
            button(_("_Discard"), act.discard, _("Removes the result from the canvas; it stays in the history.")),
            button(_("More like _this"), act.more, _("The same request once more, into the same group.")),
            button(_("_Use as input"), act.use, _("Keeps it, and sends what is visible, with it, the next time.")),
        ):
            row.pack_start(each, True, True, 0)
        for part in (self._message, scroller, row):
            self.pack_start(part, False, False, 0)

    def offer(self, variations: Sequence[Variation], size: Size, chosen: int, words: str) -> None:
        """Shows results, one of them chosen; `words` say what they cost and what is to be known."""
        for child in self._strip.get_children():
            self._strip.remove(child)
        first: Gtk.RadioButton | None = None
        for number, variation in enumerate(variations):
            radio = self._thumbnail(number, variation, size, first)
            first = first or radio
            if number == chosen:
                radio.set_active(True)
            radio.connect("clicked", self._on_clicked, number)
            self._strip.pack_start(radio, False, False, 0)
        self._message.set_text(words)
        self._keep_all.set_sensitive(len(variations) > 1)
        self._strip.show_all()

    def say(self, words: str) -> None:
        """Changes the words above the results."""
        self._message.set_text(words)

    def _thumbnail(
        self, number: int, variation: Variation, size: Size, first: Gtk.RadioButton | None
    ) -> Gtk.RadioButton:
        radio = Gtk.RadioButton.new_from_widget(first)
        radio.set_mode(False)
        try:
            picture = Gtk.Image.new_from_pixbuf(thumbnails.of_pixels(variation.rgba(), size, _THUMBNAIL))
        except OSError:  # it was deleted meanwhile, which is said when it is clicked
            picture = Gtk.Image.new_from_icon_name("image-missing", Gtk.IconSize.DIALOG)
        radio.add(picture)
        radio.get_accessible().set_name(_("Result {number}").format(number=number + 1))
        radio.set_tooltip_text(_("Shows result {number} on the canvas").format(number=number + 1))
        return radio

    def _on_clicked(self, radio: Gtk.RadioButton, number: int) -> None:
        if radio.get_active():
            self._act.show(number)
