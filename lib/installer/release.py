"""`install.py release`: write a zip file for each platform, which contains the wheels and installs offline.

Also a GIMP extension file (.gex) for the platforms where GIMP's Python can load the wheels, and the files from which
flatpak-builder makes a Flatpak extension.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lib.installer import archive, extension, features, licences, metainfo, packages
from lib.installer.archive import ReleaseFile
from lib.installer.changelog import CHANGELOG, release_notes, version
from lib.installer.installation import sources
from lib.installer.packages import CHECKOUT
from lib.installer.pythons import Python
from lib.settings.settings import NAME

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# A release file's name, and the platform as its Pythons call it.
PLATFORMS = {
    "linux-x86_64": "linux-x86_64",
    "linux-arm64": "linux-aarch64",
    "macos-arm64": "macosx-arm64",
    "macos-x86_64": "macosx-x86_64",
    "windows-x86_64": "win-amd64",
}
NAMES = tuple(PLATFORMS)
SUMS = "SHA256SUMS"
NOTES = "RELEASE-NOTES.md"


def run(out: Path, names: Sequence[str] | None, pictures: str = "") -> None:
    """Write the files, their sums and the release notes into `out`; raise SetupProblem if a wheel is missing.

    `pictures` is the address at which software centres find the pictures of plugin/help/.
    """
    out.mkdir(parents=True, exist_ok=True)
    release = f"{NAME}-{version()}"
    written = []
    with tempfile.TemporaryDirectory() as folder:
        wheels = {}
        for name in names or NAMES:
            wheels[name] = fetch_wheels(Path(folder) / name, PLATFORMS[name])
            written.append(out / f"{release}-{name}.zip")
            archive.write(written[-1], release, entries(wheels[name]))
            if name in extension.PLATFORMS:
                written.append(out / f"{release}-{name}.gex")
                archive.write(written[-1], metainfo.ID, extension.gex(wheels[name], pictures))
        flatpak = {name: paths for name, paths in wheels.items() if name in extension.FLATPAK_ARCHES}
        if flatpak:
            written.append(out / f"{release}-flatpak.zip")
            archive.write(written[-1], f"{release}-flatpak", extension.flatpak(flatpak, pictures))
    for path in written:
        print(f"{path}: {path.stat().st_size / 1e6:.0f} MB", flush=True)
    sums = "".join(f"{_sum(path)}  {path.name}\n" for path in sorted(written))
    for name, text in ((SUMS, sums), (NOTES, f"{release_notes()}\n")):
        (out / name).write_text(text, encoding="utf-8", newline="\n")
        print(out / name)


def fetch_wheels(folder: Path, platform: str) -> list[Path]:
    """Download the wheels for every Python of a platform, and pip's, for a Python without it; return them."""
    folder.mkdir(exist_ok=True)
    for python_version in PYTHONS:
        python = Python("", python_version, platform)
        packages.download(folder, python)
        for name in features.FEATURES:
            features.download(folder, python, name)
    packages.download_pip(folder)
    return sorted(folder.glob("*.whl"))


def entries(wheels: Sequence[Path]) -> list[ReleaseFile]:
    """Return the files of a release, sorted by name; the last one lists the checksums of the others."""
    files = [
        ReleaseFile(name, CHECKOUT / name, name == "install.py") for name in ("install.py", "README.md", "LICENSE")
    ]
    files += [ReleaseFile(path.relative_to(CHECKOUT).as_posix(), path) for part in ("lib", "plugin")
              for path in sources(CHECKOUT / part)]  # fmt: skip
    files.append(ReleaseFile("CHANGELOG.md", CHANGELOG))
    files += [ReleaseFile(f"wheels/{path.name}", path) for path in wheels]
    files.append(ReleaseFile("LICENCES.txt", licences.listing(wheels).encode()))
    files.sort(key=lambda entry: entry.name)
    sums = "".join(f"{hashlib.sha256(entry.read()).hexdigest()}  {entry.name}\n" for entry in files)
    return [*files, ReleaseFile(SUMS, sums.encode())]


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
