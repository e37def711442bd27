"""Texts that come from elsewhere, made fit to be shown in a window or on a terminal."""

from __future__ import annotations

import re
import unicodedata

from lib.translation import _

_MOST_READ = 16_384
# A terminal's commands: those with parameters ("ESC [ 31 m"), those with a text ("ESC ] 0 ; title BEL"), short ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,1000}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,8}[0-~]"
)
_ENDS = frozenset(".!?…。！？｡．؟۔।॥")
_CLOSING = "\"'”’»›)]）」』】》"
_CHINESE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs"})
_JOINERS = "\u200c\u200d"  # Persian and Hindi words need them


def readable(text: str) -> str:
    """Return a text on one line, without escape sequences and control characters, those of direction included.

    What lies beyond the first 16,384 characters is left out.
    """
    text = _ESCAPES.sub("", text[:_MOST_READ])
    shown = [char for char in text if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _HIDDEN]
    return " ".join("".join(shown).split())


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters, and "…" where something was cut off."""
    return text if len(text) <= most else text[:most] + "…"


def sentence(text: str) -> str:
    """Return a text with a full stop, unless it has an end of its own: servers' words often have none."""
    text = text.rstrip(" ,;:–—，；：、،؛")
    if not text or text.rstrip(_CLOSING)[-1:] in _ENDS:
        return text
    return f"{text}{'。' if _CHINESE.match(text[-1]) else '.'}"


def sentences(*texts: str | None) -> str:
    """Return those texts that hold something, one after the other, each but the last as a sentence."""
    parts = [text.strip() for text in texts if text and text.strip()]
    return " ".join([*map(sentence, parts[:-1]), *parts[-1:]])


def alternatives(options: list[str]) -> str:
    """Return options joined as a sentence does: "a, b or c"."""
    if len(options) < 2:
        return "".join(options)
    return _("{options} or {last}").format(options=", ".join(options[:-1]), last=options[-1])
