"""The language of GIMP's own messages, for ours and for the worker's."""

import os

from gi.repository import GLib

from lib import translation

_LIBGIMP = "gimp30-libgimp"


def follow_gimp() -> None:
    """Takes the language that GIMP speaks, in this process and in the worker that it starts.

    libgimp's own catalogue is asked, which its gettext has chosen by everything that counts on this system: GIMP's
    preferences, the environment, the settings of Windows or macOS. Where there is none GIMP speaks English, or a
    language that the environment names.
    """
    for line in GLib.dgettext(_LIBGIMP, "").splitlines():
        name, _colon, value = line.partition(":")
        if name == "Language":
            os.environ["LANGUAGE"] = value.strip()
    translation.use()
