"""Prepare text from servers and files for display in a window or on a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import reduce

from lib.translation import _

_MAX_LENGTH = 16_384
# Terminal escape sequences: with parameters ("ESC [ 31 m"), with a string ("ESC ] 0 ; title BEL"), and short ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,1000}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,8}[0-~]"
)
_ENDS = frozenset(".!?…。！？｡．؟۔।॥")
_CLOSING = "\"'”’»›)]）」』】》"
_CHINESE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs"})
_JOINERS = "\u200c\u200d"  # needed in Persian and Hindi words


def sanitize(text: str) -> str:
    """Return a text on one line, without escape sequences and control characters, including bidirectional ones.

    Only the first 16,384 characters are used.
    """
    text = _ESCAPES.sub("", text[:_MAX_LENGTH])
    visible = [char for char in text if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _HIDDEN]
    return " ".join("".join(visible).split())


def truncate(text: str, max_length: int) -> str:
    """Return at most `max_length` characters of a text, followed by "…" if it is longer."""
    return text if len(text) <= max_length else text[:max_length] + "…"


def sentence(text: str) -> str:
    """Return a text with a full stop unless it already ends like a sentence."""
    text = text.rstrip(" ,;:–—，；：、،؛")
    if not text or text.rstrip(_CLOSING)[-1:] in _ENDS:
        return text
    return f"{text}{'。' if _CHINESE.match(text[-1]) else '.'}"


def sentences(*texts: str | None) -> str:
    """Join the texts that aren't empty, each except the last ended like a sentence."""
    parts = [text.strip() for text in texts if text and text.strip()]
    return " ".join([*map(sentence, parts[:-1]), *parts[-1:]])


def join_parts(parts: Iterable[str]) -> str:
    """Join the parts of a list or of a sentence, at least one: "4 done, 8 failed"."""
    return reduce(lambda first, part: _("{first}, {part}").format(first=first, part=part), parts)


def join_alternatives(options: list[str]) -> str:
    """Join options as in a sentence: "a, b or c"."""
    if len(options) < 2:
        return "".join(options)
    return _("{options} or {last}").format(options=join_parts(options[:-1]), last=options[-1])
