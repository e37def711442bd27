"""Translations by gettext, for plugin/ and lib/; the worker inherits GIMP's language through its environment.

`_("… {name} …").format(name=…)` translates a sentence, `ngettext` one whose form depends on a number; `N_` marks a text
in a table, which `_` translates when it is displayed.
"""

from __future__ import annotations

import gettext
from collections.abc import Sequence
from pathlib import Path

DOMAIN = "generative-edit"
LOCALE = Path(__file__).absolute().parent / "locale"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def use(languages: Sequence[str] | None = None) -> None:
    """Set the language to the first of `languages` that has a catalogue, else to English.

    The default is the environment's: $LANGUAGE, $LC_ALL, $LC_MESSAGES, $LANG. GIMP sets $LANGUAGE on every system if
    the user has selected a language in GIMP's preferences.
    """
    global _catalogue
    requested = None if languages is None else list(languages)
    try:
        _catalogue = gettext.translation(DOMAIN, LOCALE, requested, fallback=True)
    except (OSError, ValueError):
        # An unreadable catalogue must not keep the plug-in from working.
        _catalogue = gettext.NullTranslations()


def _(message: str) -> str:
    """Return the message in the user's language."""
    return _catalogue.gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form for the number in the user's language."""
    return _catalogue.ngettext(one, many, number)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a message that `_` translates later."""
    return message


use()
