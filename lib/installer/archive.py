"""A release's files, and the zip files that hold them: the same sources give the same bytes."""

import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Every file gets this time, the earliest in a zip file.
_TIME = (1980, 1, 1, 0, 0, 0)
# libarchive's own field in a file's local header, without which GIMP gives no file of an extension the permission to
# run: its length, a bitmap of what follows, then "made by", internal and external attributes as in the zip's directory.
_PERMISSIONS = struct.Struct("<HHBHHI")
_PERMISSIONS_ID, _ALL_FIELDS, _MADE_BY_UNIX = 0x6C78, 0b111, 0x0314


@dataclass(frozen=True)
class ReleaseFile:
    """A file of the release: its name in the zip file, its bytes or the file with them, and whether it runs."""

    name: str
    content: bytes | Path
    is_program: bool = False

    def read(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def write(path: Path, folder: str, files: Sequence[ReleaseFile]) -> None:
    """Write a zip file whose entries are in `folder`; rename it when it is complete."""
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in files:
            info = zipfile.ZipInfo(f"{folder}/{entry.name}", _TIME)
            info.external_attr = (0o100755 if entry.is_program else 0o100644) << 16
            info.extra = _PERMISSIONS.pack(
                _PERMISSIONS_ID, _PERMISSIONS.size - 4, _ALL_FIELDS, _MADE_BY_UNIX, 0, info.external_attr
            )
            # A wheel is already compressed.
            info.compress_type = zipfile.ZIP_STORED if entry.name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.read())
    part.replace(path)
