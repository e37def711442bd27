"""Sets the language of our own and the worker's messages to GIMP's."""

import os

from gi.repository import GLib

from lib import translation

_LIBGIMP = "gimp30-libgimp"


def follow_gimp() -> None:
    """Use GIMP's language in this process and in the worker that it starts.

    The language is read from libgimp's own catalogue, which gettext has selected by GIMP's preferences, the environment
    and the settings of Windows or macOS. Without a catalogue, GIMP is in English, and the environment decides.
    """
    for line in GLib.dgettext(_LIBGIMP, "").splitlines():
        name, _colon, value = line.partition(":")
        if name == "Language":
            os.environ["LANGUAGE"] = value.strip()
    translation.use()
