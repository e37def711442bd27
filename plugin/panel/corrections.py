"""What was corrected in a result, as one sentence, and a button that makes the result again the other way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gi.repository import Gtk

from lib.api.text import sentences
from lib.translation import _, ngettext
from plugin.edit.draft import cost_text
from plugin.edit.refine import SecondPass
from plugin.ui.fields import button
from plugin.ui.labels import FixedText

NOTICEABLE_LIGHT = 1.0  # levels
_LINES = 2


class CorrectionsBar(Gtk.Box):
    """The sentence in a fixed area, and its buttons. `redo` gets the value of match-colour."""

    def __init__(self, redo: Callable[[str], object], refine: Callable[[], None]) -> None:
        super().__init__(spacing=8)
        self._redo = redo
        self._mode = ""
        self._text = FixedText(lines=_LINES)
        self._button = button("", self._on_clicked, _("Makes the result again. Nothing is sent."))
        self._refine = button("", refine)
        self.pack_start(self._text, True, True, 0)
        for each in (self._button, self._refine):
            self.pack_start(each, False, False, 0)
            each.set_valign(Gtk.Align.CENTER)
            each.set_no_show_all(True)

    def _on_clicked(self) -> None:
        self._redo(self._mode)

    def follow(self, applied: Mapping[str, Any] | None) -> None:
        """Show what was corrected in a result; None if nothing is known."""
        self._text.set_text(describe(applied or {}))
        self._mode, label = other_way(applied or {})
        self._button.set_label(label)
        self._button.set_visible(bool(self._mode))

    def offer(self, second: SecondPass | None, *, is_possible: bool) -> None:
        """Offer a second pass at its cost; None where there is nothing to refine."""
        self._refine.set_visible(second is not None)
        self._refine.set_sensitive(is_possible)
        if second:
            count, cost = len(second.tiles), cost_text(second.draft.cost)
            text = ngettext(
                "Draw it again at the picture's resolution: {count} request, {cost}. It is a result of its own.",
                "Draw it again at the picture's resolution: {count} requests, {cost}. It is a result of its own.",
                count,
            )
            self._refine.set_label(_("Re_fine ({cost})").format(cost=cost))
            self._refine.set_tooltip_text(text.format(count=count, cost=cost))


def describe(applied: Mapping[str, Any]) -> str:
    """Return a sentence for each correction."""
    if tiles := applied.get("refined"):
        text = ngettext(
            "Refined at full resolution, in {count} tile.", "Refined at full resolution, in {count} tiles.", tiles
        )
        return text.format(count=tiles)
    scale, restored, changed = (applied.get(name) for name in ("scale", "detail", "changed"))
    detail = ""
    if scale is not None and restored is not None:
        detail = _("Made at {scale} % of the picture's resolution; detail restored on {part} % of the area.")
        detail = detail.format(scale=round(100 * scale), part=round(100 * restored))
    texts = [
        (bool(applied.get("aligned")), _("Aligned with the picture.")),
        (applied.get("colours") == "matched", _("Its colours were matched.")),
        (applied.get("colours") == "kept", _("The colours of the whole picture were changed, and this was kept.")),
        (changed is not None, _("Changed: {part} % of the picture.").format(part=round(100 * (changed or 0)))),
        (applied.get("light", 0) >= NOTICEABLE_LIGHT, _("Its light was matched.")),
        (bool(applied.get("gamut")), _("Colours outside sRGB were restored.")),
    ]
    return sentences(*(text for applies, text in texts if applies), detail)


def other_way(applied: Mapping[str, Any]) -> tuple[str, str]:
    """Return the value of match-colour that makes the result the other way, and a button's label; both may be empty."""
    if applied.get("colours") == "matched":
        return "never", _("Keep _its colours")
    if applied.get("colours") == "kept":
        return "always", _("_Match its colours")
    return "", ""
