"""Which rectangle of the canvas is sent, at which size, and where the answer goes back: arithmetic only.

Words: the *selection* is what may change; the *target* is the selection and the context that it needs; *sent*
is the target grown to an aspect that the model answers in; the *frame* is what of it lies on the canvas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.api.models import FreeSize, SizeList
from lib.frame.geometry import Rect, Size
from lib.frame.sizes import FrameError, Room, SizeChoice, bounded, choose
from lib.translation import _

__all__ = ["FrameError", "Plan", "Rect", "Size", "context_margin", "plan"]

LEAST_SIDE = 512  # an automatic frame is at least this wide and high where there is room
LEAST_MARGIN = 32  # and its context is not narrowed below this


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent and where it goes back.

    frame: the rectangle of the canvas that the result's layer covers, always inside the canvas.
    sent: the frame and the padding of replicated edge pixels, in canvas coordinates.
    size: pixels of the image that is sent, and the size asked of the endpoint.
    """

    frame: Rect
    sent: Rect
    size: Size

    @property
    def scale(self) -> float:
        """Pixels of the image for one pixel of the canvas."""
        return self.size.width / self.sent.width

    @property
    def resampled(self) -> bool:
        """False where one pixel of the canvas is one pixel of the image."""
        return self.size != self.sent.size

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Replicated canvas pixels at the left, top, right and bottom of the frame."""
        return (
            self.frame.x - self.sent.x,
            self.frame.y - self.sent.y,
            self.sent.right - self.frame.right,
            self.sent.bottom - self.frame.bottom,
        )

    def cut(self, returned: Size | None = None) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the frame in an image of the size `returned` (default: as asked).

        Scaled to `frame.size`, this box of the answer is the new layer: the padding is gone.
        """
        width, height = (returned or self.size).width, (returned or self.size).height
        return (
            _scaled(self.frame.x - self.sent.x, width, self.sent.width),
            _scaled(self.frame.y - self.sent.y, height, self.sent.height),
            _scaled(self.frame.right - self.sent.x, width, self.sent.width),
            _scaled(self.frame.bottom - self.sent.y, height, self.sent.height),
        )

    def to_json(self) -> dict[str, list[int]]:
        """As it stands in `job.json`."""
        return {"frame": self.frame.to_list(), "sent": self.sent.to_list(), "size": [self.size.width, self.size.height]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The inverse of `to_json`; raises FrameError where `data` is no plan."""
        try:
            found = cls(Rect(*data["frame"]), Rect(*data["sent"]), Size(*data["size"]))
            numbers = (*found.frame.to_list(), *found.sent.to_list(), found.size.width, found.size.height)
        except (KeyError, TypeError) as error:
            raise FrameError(_("The job's plan is incomplete. Run the edit again.")) from error
        if (
            not all(isinstance(n, int) for n in numbers)
            or found.frame.empty
            or min(data["size"]) < 1
            or not found.sent.contains(found.frame)
        ):
            raise FrameError(_("The job's plan is damaged. Run the edit again."))
        return found


def plan(
    canvas: Size,
    selection: Rect | None,
    layer: Rect,
    *,
    context: str | int = "auto",
    rule: SizeList | FreeSize,
    size: Size | None = None,
    largest: int | None = None,
) -> Plan:
    """The frame for an edit of `selection` (None: the whole layer) on the layer that covers `layer`.

    context: "auto", "layer", "canvas", or the pixels to show around the selection. Free-size models are asked
    at 1:1 whenever they allow it. Of a list, the cheapest size that loses no detail: at 1:1 with more context
    where there is room, but a number of pixels is kept to and scaled up.
    size: rules over `largest`. largest: the longest edge, in pixels, of what may be asked for.
    Raises FrameError where the selection is outside the canvas or the layer, or an option cannot be met.
    """
    whole = Rect(0, 0, canvas.width, canvas.height)
    chosen, home = _places(whole, selection, layer)
    choices = bounded(rule, size, largest)
    room = Room(home.size, canvas)
    margin = _margin(context)

    def outcome(target: Rect, roomy: bool = True) -> tuple[Rect, SizeChoice]:
        return target, choose(target.size, room, choices, roomy=roomy)

    if margin is not None:
        target, choice = outcome(chosen.grow(margin).intersect(home), roomy=False)
    elif context == "auto":
        target, choice = _most_context(
            context_margin(chosen.size), lambda pixels: outcome(_surroundings(chosen, pixels, home)), canvas
        )
    else:
        target, choice = outcome(whole if context == "canvas" else home)
    sent = Rect(
        _place(target.x, target.width, choice.sent.width, (home.x, home.right), canvas.width),
        _place(target.y, target.height, choice.sent.height, (home.y, home.bottom), canvas.height),
        choice.sent.width,
        choice.sent.height,
    )
    return Plan(sent.intersect(whole), sent, choice.size)


def context_margin(selection: Size) -> int:
    """Pixels of context around a selection of this size, as "auto" wants them.

    The padding of krita-ai-diffusion, max(10 % of the diagonal, 32) + 4 + 6 % of the diagonal, and a quarter
    of the mean side: wide enough to show the model the surroundings, and independent of the canvas.
    """
    diagonal = math.hypot(selection.width, selection.height)
    mean_side = (selection.width + selection.height) / 2
    return math.ceil(max(0.10 * diagonal, 32) + 4 + 0.06 * diagonal + mean_side / 4)


def _places(whole: Rect, selection: Rect | None, layer: Rect) -> tuple[Rect, Rect]:
    """The part of the selection that counts, and its home: the layer's visible part together with it."""
    if whole.empty:
        raise FrameError(_("The canvas is empty. Give the image a size first."))
    visible = layer.intersect(whole)
    if visible.empty:
        raise FrameError(_("The layer lies outside the canvas. Move it inside, or choose another layer."))
    if selection is None:
        return visible, visible
    chosen = selection.intersect(whole)
    if chosen.empty:
        raise FrameError(_("The selection lies outside the canvas. Select something inside it."))
    if chosen.intersect(visible).empty:
        raise FrameError(_("The selection lies outside the layer. Select part of it, or choose another layer."))
    return chosen, visible.union(chosen)


def _margin(context: str | int) -> int | None:
    """The context as a number of pixels, or None for one of the words."""
    if context in ("auto", "layer", "canvas"):
        return None
    text = str(context).strip()
    if not (text.isascii() and text.isdigit()):
        raise FrameError(
            _("context {context}: give auto, layer, canvas, or a number of pixels from 0 up.").format(context=context)
        )
    return int(text)


def _surroundings(selection: Rect, margin: int, home: Rect) -> Rect:
    """The selection and its automatic context, shifted into `home` before it is shrunk."""
    width = min(home.width, max(selection.width + 2 * margin, LEAST_SIDE))
    height = min(home.height, max(selection.height + 2 * margin, LEAST_SIDE))
    left = _place(selection.x, selection.width, width, (home.x, home.right), home.right)
    top = _place(selection.y, selection.height, height, (home.y, home.bottom), home.bottom)
    return Rect(left, top, width, height)


def _most_context(
    full: int, outcome: Callable[[int], tuple[Rect, SizeChoice]], canvas: Size
) -> tuple[Rect, SizeChoice]:
    """The outcome with the widest margin, from a quarter of `full` up, without padding or loss of detail.

    Where even that helps neither, all of it is kept.
    """
    best = outcome(full)
    fault, least = best[1].faults(canvas), max(full // 4, LEAST_MARGIN)
    if not any(fault):
        return best
    narrow = outcome(least)
    goal = narrow[1].faults(canvas)
    if goal >= fault:
        return best
    best, low, high = narrow, least, full
    while high - low > 1:
        middle = (low + high) // 2
        tried = outcome(middle)
        if tried[1].faults(canvas) <= goal:
            best, low = tried, middle
        else:
            high = middle
    return best


def _place(start: int, length: int, sent: int, home: tuple[int, int], canvas: int) -> int:
    """Where a span of `sent` pixels begins: centred on the target, shifted into its home, or the canvas."""
    begin = start - (sent - length) // 2
    low, high = home
    if sent > high - low:
        low, high = 0, canvas
    if sent > high - low:
        return low - (sent - (high - low)) // 2
    return min(max(begin, low), high - sent)


def _scaled(value: float, numerator: int, denominator: int) -> float:
    return value if numerator == denominator else value * numerator / denominator
