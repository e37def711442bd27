"""The user's language, by gettext, for plugin/ and lib/; the worker has GIMP's, through its environment.

`_("… {name} …").format(name=…)` where a sentence is made; `ngettext` where a number decides its form; `N_` marks a text
in a table, which `_` translates where it is shown.
"""

import gettext
from collections.abc import Sequence
from pathlib import Path

DOMAIN = "generative-edit"
LOCALE = Path(__file__).absolute().parent / "locale"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def use(languages: Sequence[str] | None = None) -> None:
    """Chooses the language: the first of these that has a catalogue, English where none has.

    Without `languages` it is the environment's: $LANGUAGE, $LC_ALL, $LC_MESSAGES, $LANG. GIMP sets the first of them,
    on every system, where the user has chosen a language in GIMP's own preferences.
    """
    global _catalogue
    chosen = None if languages is None else list(languages)
    try:
        _catalogue = gettext.translation(DOMAIN, LOCALE, chosen, fallback=True)
    except (OSError, ValueError):
        # A catalogue that cannot be read is no reason not to work.
        _catalogue = gettext.NullTranslations()


def _(message: str) -> str:
    """The message in the user's language."""
    return _catalogue.gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """The form that goes with the number, in the user's language."""
    return _catalogue.ngettext(one, many, number)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a message that `_` translates later."""
    return message


use()
