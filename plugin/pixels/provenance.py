"""Mark an image whose parts a model has made or changed, in its metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from lib.frame.geometry import Rect
from plugin.pixels import source_type


@dataclass(frozen=True)
class Mark:
    """What marking an image has changed: the value of the tag now, and the one before (None: there was none)."""

    value: str
    before: str | None


def mark(
    image: Gimp.Image, record: Mapping[str, Any] | None, frame: Rect, masks: Sequence[bytes | None]
) -> Mark | None:
    """Mark the image as its result's record says; return None if it has a mark that says as much, or none is wanted.

    To be called in the undo group of the insertion: GIMP then undoes the mark together with it. `masks` are the layer
    masks of the results in the frame.
    """
    term = (record or {}).get(source_type.RECORD_KEY)
    if term not in (source_type.EDITED, source_type.PARTLY_GENERATED):
        return None
    if term == source_type.PARTLY_GENERATED and any(_is_whole(image, frame, mask) for mask in masks):
        term = source_type.GENERATED
    metadata = _metadata(image)
    before = source_type.value_in(metadata)
    if not source_type.is_stronger(term, before):
        return None
    change = Mark(source_type.VOCABULARY + term, before)
    _set(image, metadata, change.value)
    return change


def unmark(image: Gimp.Image, change: Mark | None) -> None:
    """Put back what was there before a mark, unless the image has been marked otherwise since."""
    metadata = _metadata(image)
    if change and source_type.value_in(metadata) == change.value:
        _set(image, metadata, change.before)


def _metadata(image: Gimp.Image) -> str:
    return (image.get_metadata() or Gimp.Metadata.new()).serialize()


def _set(image: Gimp.Image, metadata: str, value: str | None) -> None:
    image.set_metadata(Gimp.Metadata.deserialize(source_type.with_value(metadata, value)))


def _is_whole(image: Gimp.Image, frame: Rect, mask: bytes | None) -> bool:
    """Return whether a result replaces every pixel of the image."""
    covers = frame == Rect(0, 0, image.get_width(), image.get_height())
    return covers and (mask is None or mask.count(255) == len(mask))
