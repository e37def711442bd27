"""The list of licences of all that is in a release, read from the wheels' own metadata."""

import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from lib.installer.problem import SetupProblem

# What is in the release and no wheel.
_OURS = """\
Everything in this release and its licence, as each package states it. The texts are in the packages' wheels.

generative-edit: GPL-3.0-or-later; LICENSE
plugin/help/before-after.jpg: CC BY-SA 4.0; an edit of GIMP 3.0's splash image by Sevenix
plugin/help/extending.webp: CC BY-SA 4.0; GIMP's windows around an edit of GIMP's splash image by Sevenix
plugin/help/first-edit.webp: CC BY-SA 4.0; GIMP's windows around an edit of GIMP's splash image by Sevenix
plugin/help/history.webp: CC BY-SA 4.0; GIMP's windows around an edit of GIMP's splash image by Sevenix
plugin/help/result.webp: CC BY-SA 4.0; GIMP's windows around an edit of GIMP's splash image by Sevenix
plugin/help/settings.webp: CC BY-SA 4.0; GIMP's windows around an edit of GIMP's splash image by Sevenix
lib/endpoint/fill/examples.jpg: edits of photographs by SpaceX and NASA (public domain) and from CC0Textures.com (CC0)

"""


def listing(wheels: Iterable[Path]) -> str:
    """A line for each package: name, version, licence, where it comes from, where the licence's text is."""
    lines = sorted({_line(path) for path in wheels}, key=str.lower)
    return _OURS + "\n".join(lines) + "\n"


def _line(wheel: Path) -> str:
    """Raises SetupProblem for a wheel that does not say its licence."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        told = HeaderParser().parsestr(archive.read(metadata).decode("utf-8"))
    folder = metadata.rpartition("/")[0]
    texts = sum(name.startswith(folder) and _is_text(name) for name in names)
    found = f"{texts} {'text' if texts == 1 else 'texts'} in {folder}"
    return f"{told['Name']} {told['Version']}: {_licence(told, wheel)}; {_home(told)}; {found}"


def _licence(told: "Message[str, str]", wheel: Path) -> str:
    if told["License-Expression"]:
        return str(told["License-Expression"])
    classified = [value.rpartition(" :: ")[2] for value in told.get_all("Classifier", []) if "License ::" in value]
    stated = (told["License"] or "").strip()
    if stated and "\n" not in stated:
        return stated
    if not classified:
        raise SetupProblem(
            f"{wheel.name} does not say its licence.", "Take another version into lib/installer/packages.json."
        )
    return ", ".join(classified)


def _home(told: "Message[str, str]") -> str:
    links = dict(value.split(", ", 1) for value in told.get_all("Project-URL", []) if ", " in value)
    named = {label.lower(): link for label, link in links.items()}
    for label in ("homepage", "home", "source", "source code", "repository"):
        if label in named:
            return named[label]
    return told["Home-page"] or next(iter(links.values()), "no address")


def _is_text(name: str) -> bool:
    last = name.rpartition("/")[2].upper()
    return bool(last) and ("/LICENSES/" in name.upper() or last.startswith(("LICENSE", "LICENCE", "COPYING")))
