"""The pictures that a folder run has open in GIMP between their export and their result: opening takes longest."""

from __future__ import annotations

from pathlib import Path

from gi.repository import Gimp

from plugin.folder.picture import open_picture

# Four bytes each, in the picture and in the layer that is added to it: 0.8 GB.
_MOST_PIXELS = 100_000_000


class OpenPictures:
    """Images by the paths of their files."""

    def __init__(self) -> None:
        self._images: dict[Path, Gimp.Image] = {}

    def is_open(self, path: Path) -> bool:
        """Whether the picture is open."""
        return path in self._images

    def get(self, path: Path) -> Gimp.Image:
        """The picture, opened if it is not open; raises EditFailed where GIMP cannot do that."""
        if path not in self._images:
            self._images[path] = open_picture(path)
        return self._images[path]

    def rest(self, path: Path) -> None:
        """Says that the picture is not needed for a while: it is closed where too much is open."""
        if sum(image.get_width() * image.get_height() for image in self._images.values()) > _MOST_PIXELS:
            self.close(path)

    def close(self, path: Path) -> None:
        """Closes the picture, if it is open."""
        image = self._images.pop(path, None)
        if image:
            image.delete()

    def close_all(self) -> None:
        """Closes every picture."""
        for path in list(self._images):
            self.close(path)
