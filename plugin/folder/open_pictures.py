"""The pictures that a folder run keeps open in GIMP between export and result, since opening them takes longest."""

from __future__ import annotations

from pathlib import Path

from gi.repository import Gimp

from plugin.folder.picture import open_picture

# Four bytes each, in the picture and in the layer that is added to it: 0.8 GB.
_MAX_PIXELS = 100_000_000


class OpenPictures:
    """Open images by the paths of their files."""

    def __init__(self) -> None:
        self._images: dict[Path, Gimp.Image] = {}

    def is_open(self, path: Path) -> bool:
        """Return whether a picture is open."""
        return path in self._images

    def get(self, path: Path) -> Gimp.Image:
        """Return a picture, opened if necessary; raise EditFailed if GIMP cannot open it."""
        if path not in self._images:
            self._images[path] = open_picture(path)
        return self._images[path]

    def release(self, path: Path) -> None:
        """Mark a picture as not needed for a while: it is closed if too many pixels are open."""
        if sum(image.get_width() * image.get_height() for image in self._images.values()) > _MAX_PIXELS:
            self.close(path)

    def close(self, path: Path) -> None:
        """Close a picture if it is open."""
        image = self._images.pop(path, None)
        if image:
            image.delete()

    def close_all(self) -> None:
        """Close all pictures."""
        for path in list(self._images):
            self.close(path)
