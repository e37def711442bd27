"""The plug-in for GIMP's own ways of installing: an extension file (.gex), and a Flatpak extension.

install.py does not run for either. The plug-in therefore holds the wheels for every Python that GIMP may have, in
wheels/, and its worker runs on GIMP's own Python: see lib/worker/bundled_packages.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from lib.installer import catalogues, licences, metainfo
from lib.installer.archive import ReleaseFile
from lib.installer.changelog import CHANGELOG, version
from lib.installer.installation import sources
from lib.installer.packages import CHECKOUT
from lib.settings.settings import NAME
from lib.translation import DOMAIN

# On Windows, GIMP's Python is built with MinGW and cannot load the packages.
PLATFORMS = ("linux-x86_64", "linux-arm64", "macos-arm64", "macos-x86_64")
FLATPAK_ARCHES = {"linux-x86_64": "x86_64", "linux-arm64": "aarch64"}
MANIFEST = f"{metainfo.ID}.json"
_STARTER = f"{NAME}.py"


def plug_in() -> list[ReleaseFile]:
    """Return the files of the plug-in except the wheels, sorted by name, the translations compiled."""
    files = [ReleaseFile(path.relative_to(CHECKOUT).as_posix(), path) for part in ("lib", "plugin")
             for path in sources(CHECKOUT / part)]  # fmt: skip
    files += [ReleaseFile(f"lib/locale/{path.stem}/LC_MESSAGES/{DOMAIN}.mo",
                          catalogues.compile_entries(catalogues.read(path)))
              for path in (CHECKOUT / "lib" / "locale").glob("*.po")]  # fmt: skip
    files.append(ReleaseFile(_STARTER, CHECKOUT / "plugin" / _STARTER, is_program=True))
    files.append(ReleaseFile("LICENSE", CHECKOUT / "LICENSE"))
    files.append(ReleaseFile("CHANGELOG.md", CHANGELOG))
    files.sort(key=lambda file: file.name)
    # No Python: the worker runs on the one that runs the plug-in.
    stamp = {"version": version(), "python": "", "python_version": "", "files": [file.name for file in files]}
    return [*files, ReleaseFile("stamp.json", json.dumps(stamp, indent=0).encode())]


def gex(wheels: Sequence[Path], pictures: str = "") -> list[ReleaseFile]:
    """Return the files of GIMP's extension file, a zip file with one folder of the extension's name.

    `pictures` is the address of the screenshots, for metainfo.xml.
    """
    inner = [*plug_in(), *(ReleaseFile(f"wheels/{wheel.name}", wheel) for wheel in wheels if not _is_pip(wheel)),
             ReleaseFile("LICENCES.txt", licences.listing(wheels).encode())]  # fmt: skip
    files = [ReleaseFile(f"{NAME}/{file.name}", file.content, file.is_program) for file in inner]
    return [ReleaseFile(metainfo.FILE, metainfo.text(pictures)), *files]


def flatpak(wheels: Mapping[str, Sequence[Path]], pictures: str = "") -> list[ReleaseFile]:
    """Return the files from which flatpak-builder makes the Flatpak extension, given each platform's wheels.

    `pictures` is the address of the screenshots, for metainfo.xml.
    """
    folders = {FLATPAK_ARCHES[platform]: [path for path in paths if not _is_pip(path)]
               for platform, paths in wheels.items()}  # fmt: skip
    files = [ReleaseFile(f"wheels/{arch}/{path.name}", path) for arch, paths in folders.items() for path in paths]
    manifest = json.dumps(_manifest(files), indent=4).encode() + b"\n"
    files += [ReleaseFile(f"plug-in/{file.name}", file.content, file.is_program) for file in plug_in()]
    return [ReleaseFile(MANIFEST, manifest), ReleaseFile(metainfo.FILE, metainfo.text(pictures)), *files]


def _manifest(wheels: Sequence[ReleaseFile]) -> dict[str, object]:
    sources: list[dict[str, object]] = [
        {"type": "dir", "path": "plug-in", "dest": "plug-in"},
        {"type": "file", "path": metainfo.FILE},
    ]
    for wheel in wheels:
        arch = wheel.name.split("/")[1]
        digest = hashlib.sha256(wheel.read()).hexdigest()
        sources.append({"type": "file", "path": wheel.name, "sha256": digest, "dest": "wheels", "only-arches": [arch]})
    # GIMP's Flatpak merges plug-ins/ of its extensions into a folder in which GIMP looks for plug-ins.
    target = "${FLATPAK_DEST}/plug-ins/" + NAME
    commands = [
        "mkdir -p ${FLATPAK_DEST}/plug-ins",
        f"cp -r plug-in {target}",
        f"cp -r wheels {target}/wheels",
        f"chmod 755 {target}/{_STARTER}",
        f"install -D -m 644 {metainfo.FILE} ${{FLATPAK_DEST}}/share/metainfo/{metainfo.FILE}",
    ]
    return {
        "id": metainfo.ID,
        "branch": "3",
        "runtime": "org.gimp.GIMP",
        "runtime-version": "stable",
        "sdk": "org.gnome.Sdk//49",
        "build-extension": True,
        "appstream-compose": False,
        "separate-locales": False,
        "build-options": {"prefix": "/app/extensions/GenerativeEdit", "strip": False, "no-debuginfo": True},
        "modules": [
            {"name": NAME, "buildsystem": "simple", "build-commands": commands, "sources": sources},
        ],
    }


def _is_pip(wheel: Path) -> bool:
    return wheel.name.startswith("pip-")
