"""Cut out the subject: a plain background exactly, by its colour; any other by the subject network.

The mask shows what stays. The colours of transparent pixels stay too, so that a layer mask can bring them back.
"""

from dataclasses import dataclass

import numpy as np

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine.area import whole
from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.plain import MOSTLY_PLAIN, PLAIN, cut_out_plain, has_white_border
from lib.endpoint.subject import network
from lib.endpoint.subject.foreground import pure_colours
from lib.endpoint.subject.subject import find_subject
from lib.translation import _

_BACKGROUND_SHARE = 0.5  # of the picture's border: a selection with more of it is of the background
_AGREEMENT = 0.7  # of both cuts together
_CONTAINED = 0.9  # of what the network found
_ROWS = 256


@dataclass(frozen=True)
class CutOut:
    """A picture, (H, W, 4) uint8, with the subject's own colours at its edge, and the subject's mask, (H, W) uint8."""

    image: np.ndarray
    mask: np.ndarray


def cut_out(image: np.ndarray, selection: np.ndarray | None) -> np.ndarray:
    """Return `image` (H, W, 4, uint8) with all but the subject transparent; raise Refused if nothing stands out."""
    cut = find_cut_out(image, selection)
    return np.dstack([cut.image[..., :3], cut.mask])


def find_cut_out(image: np.ndarray, selection: np.ndarray | None) -> CutOut:
    """Find the subject of a picture, the thing in a rough selection, or what is not selected if that is the background.

    Raise Refused (nothing_stands_out, no_subject_network).
    """
    if selection is not None and _share_of_border(selection) >= _BACKGROUND_SHARE:
        return CutOut(image, np.where(selection, 0, image[..., 3]).astype(np.uint8))
    plain, mask = _find(image, selection)
    if plain is not None:
        return CutOut(plain, mask)
    checkpoint()
    colours = pure_colours(np.ascontiguousarray(image[..., :3]), mask)
    return CutOut(np.dstack([colours, image[..., 3]]), mask)


def find_mask(image: np.ndarray, region: np.ndarray | None) -> np.ndarray:
    """Return the mask, (H, W) uint8, of the subject of `image` (H, W, 4, uint8), or of the thing in a rough selection.

    Raise Refused (nothing_stands_out, no_subject_network).
    """
    return _find(image, region)[1]


def _find(image: np.ndarray, region: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the subject's mask, and before it the picture without the plain background, if it has one."""
    inside = (whole(image) if region is None else region) & (image[..., 3] > 0)
    plain = cut_out_plain(image, inside, PLAIN)
    if plain is not None:
        return plain, _mask_of(plain, inside)
    plain = cut_out_plain(image, inside, MOSTLY_PLAIN)
    mask = find_subject(image, region) if network.is_available() else None
    if plain is not None and (mask is None or _agree(_mask_of(plain, inside), mask, has_white_border(image, inside))):
        return plain, _mask_of(plain, inside)
    if mask is None:
        raise _refusal()
    return None, np.minimum(mask, image[..., 3])


def _mask_of(cut: np.ndarray, region: np.ndarray) -> np.ndarray:
    return np.where(region, cut[..., 3], 0).astype(np.uint8)


def _agree(plain: np.ndarray, subject: np.ndarray, is_white: bool) -> bool:
    """Return whether the network confirms a cut by a plain background.

    Before white, the network may have found only the largest of several things.
    """
    plain, subject = plain > 127, subject > 127
    common = np.count_nonzero(plain & subject)
    either = np.count_nonzero(plain | subject)
    return bool(common >= _AGREEMENT * either or (is_white and common >= _CONTAINED * np.count_nonzero(subject)))


def _refusal() -> Refused:
    if not network.is_available():
        return Refused(
            "no_subject_network",
            _(
                "The background has several colours, and the subject network is not installed. Run install.py again "
                "without --without-subject, or select the background."
            ),
        )
    return Refused(
        "nothing_stands_out",
        _("Nothing stands out in this picture. Select the subject roughly, then try again."),
    )


def on_backdrop(cut: CutOut, colour: tuple[int, ...]) -> np.ndarray:
    """Return the subject on one colour, (H, W, 4)."""
    backdrop = np.broadcast_to(np.array([*colour, 255], np.uint8), cut.image.shape)
    return blend(backdrop, cut.image, cut.mask)


def blend(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return one picture over another, both (H, W, 4), by a mask (H, W), all uint8."""
    result = np.array(below)
    for top in range(0, len(result), _ROWS):
        checkpoint()
        rows = slice(top, top + _ROWS)
        share = mask[rows, :, None].astype(np.float32) / 255
        mixed = below[rows] + share * (above[rows].astype(np.float32) - below[rows])
        result[rows] = np.round(mixed).astype(np.uint8)
    return result


def _share_of_border(selection: np.ndarray) -> float:
    return float(np.mean(np.concatenate([selection[0], selection[-1], selection[:, 0], selection[:, -1]])))
