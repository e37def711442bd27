"""`install.py release`: write a zip file for each platform, which contains the wheels and installs offline."""

import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.installer import features, licences, packages
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
# Every file gets this time, the earliest in a zip file, so that the same sources give the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ReleaseFile:
    """A file of the release: its name in the zip file, and its bytes or the file that contains them."""

    name: str
    content: bytes | Path

    def read(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def run(out: Path, names: Sequence[str] | None) -> None:
    """Write the files, their sums and the release notes into `out`; raise SetupProblem if a wheel is missing."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            wheels = fetch_wheels(Path(folder), PLATFORMS[name])
            path = out / f"{NAME}-{version()}-{name}.zip"
            write(path, entries(wheels))
        written.append(path)
        print(f"{path}: {path.stat().st_size / 1e6:.0f} MB, {len(wheels)} wheels", flush=True)
    sums = "".join(f"{_sum(path)}  {path.name}\n" for path in sorted(written))
    for name, text in ((SUMS, sums), (NOTES, f"{release_notes()}\n")):
        (out / name).write_text(text, encoding="utf-8", newline="\n")
        print(out / name)


def fetch_wheels(folder: Path, platform: str) -> list[Path]:
    """Download the wheels for every Python of a platform, and pip's, for a Python without it; return them."""
    for python_version in PYTHONS:
        python = Python("", python_version, platform)
        packages.download(folder, python)
        for name in features.FEATURES:
            features.download(folder, python, name)
    packages.download_pip(folder)
    return sorted(folder.glob("*.whl"))


def entries(wheels: Sequence[Path]) -> list[ReleaseFile]:
    """Return the files of a release, sorted by name; the last one lists the checksums of the others."""
    files = [ReleaseFile(name, CHECKOUT / name) for name in ("install.py", "README.md", "LICENSE")]
    files += [ReleaseFile(path.relative_to(CHECKOUT).as_posix(), path) for part in ("lib", "plugin")
              for path in sources(CHECKOUT / part)]  # fmt: skip
    files.append(ReleaseFile("CHANGELOG.md", CHANGELOG))
    files += [ReleaseFile(f"wheels/{path.name}", path) for path in wheels]
    files.append(ReleaseFile("LICENCES.txt", licences.listing(wheels).encode()))
    files.sort(key=lambda entry: entry.name)
    sums = "".join(f"{hashlib.sha256(entry.read()).hexdigest()}  {entry.name}\n" for entry in files)
    return [*files, ReleaseFile(SUMS, sums.encode())]


def write(path: Path, files: Sequence[ReleaseFile]) -> None:
    """Write a zip file whose entries are in a folder of the release's name; rename it when it is complete."""
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in files:
            info = zipfile.ZipInfo(f"{NAME}-{version()}/{entry.name}", _TIME)
            info.external_attr = (0o100755 if entry.name == "install.py" else 0o100644) << 16
            # A wheel is already compressed.
            info.compress_type = zipfile.ZIP_STORED if entry.name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.read())
    part.replace(path)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
