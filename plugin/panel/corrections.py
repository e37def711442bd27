"""What was corrected in a result, as one sentence, and a button that makes the result again the other way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gi.repository import Gtk

from lib.api.text import sentences
from lib.translation import _
from plugin.ui.fields import button
from plugin.ui.labels import FixedText

NOTICEABLE_LIGHT = 1.0  # levels
_LINES = 2


class CorrectionsBar(Gtk.Box):
    """The sentence in a fixed area, and the button. `redo` gets the value of match-colour."""

    def __init__(self, redo: Callable[[str], object]) -> None:
        super().__init__(spacing=8)
        self._redo = redo
        self._mode = ""
        self._text = FixedText(lines=_LINES)
        self._button = button("", self._on_clicked, _("Makes the result again. Nothing is sent."))
        self.pack_start(self._text, True, True, 0)
        self.pack_start(self._button, False, False, 0)
        self._button.set_valign(Gtk.Align.CENTER)
        self._button.set_no_show_all(True)

    def _on_clicked(self) -> None:
        self._redo(self._mode)

    def follow(self, applied: Mapping[str, Any] | None) -> None:
        """Show what was corrected in a result; None if nothing is known."""
        self._text.set_text(describe(applied or {}))
        self._mode, label = other_way(applied or {})
        self._button.set_label(label)
        self._button.set_visible(bool(self._mode))


def describe(applied: Mapping[str, Any]) -> str:
    """Return a sentence for each correction."""
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
