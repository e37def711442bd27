"""Plans which rectangle of the canvas is sent, at which size, and where the result is placed.

The *selection* may change; the *target* is the selection with its context; *sent* is the target, grown to an aspect
ratio that the model supports; the *frame* is the part of it on the canvas; the *home* of a frame is the visible part
of the layer, which it shouldn't leave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.api.models import FreeSize, SizeList
from lib.frame.geometry import Rect, Size
from lib.frame.sizes import Bounds, FrameError, SizeChoice, choose_size, restrict
from lib.translation import _

__all__ = ["FrameError", "Plan", "Rect", "Size", "context_margin", "plan", "tight_margin"]

MIN_SIDE = 512  # an automatic frame is at least this wide and high, if it fits on the canvas
MIN_MARGIN = 32  # and its context is not narrowed below this


@dataclass(frozen=True, slots=True)
class Plan:
    """The area that is sent, and where its result is placed.

    frame: the rectangle that the result's layer covers, always inside the canvas.
    sent: the frame with its padding of replicated edge pixels, in canvas coordinates.
    size: the size of the image that is sent, which is also requested for the result.
    """

    frame: Rect
    sent: Rect
    size: Size

    @property
    def scale(self) -> float:
        """The number of pixels in the image for one on the canvas, along one axis."""
        return self.size.width / self.sent.width

    @property
    def resampled(self) -> bool:
        """Whether the image is at another scale than the canvas."""
        return self.size != self.sent.size

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """The padding at the left, top, right and bottom of the frame in canvas pixels."""
        return (
            self.frame.x - self.sent.x,
            self.frame.y - self.sent.y,
            self.sent.right - self.frame.right,
            self.sent.bottom - self.frame.bottom,
        )

    def cut(self, returned: Size | None = None) -> tuple[float, float, float, float]:
        """Return the left, top, right and bottom edge of the frame in an image of the size `returned`.

        The default is the requested size. Cropped to this box and scaled to `frame.size`, the image is the new layer.
        """
        width, height = (returned or self.size).width, (returned or self.size).height
        return (
            _scaled(self.frame.x - self.sent.x, width, self.sent.width),
            _scaled(self.frame.y - self.sent.y, height, self.sent.height),
            _scaled(self.frame.right - self.sent.x, width, self.sent.width),
            _scaled(self.frame.bottom - self.sent.y, height, self.sent.height),
        )

    def to_json(self) -> dict[str, list[int]]:
        """Return the plan as it is stored in `job.json`."""
        return {"frame": self.frame.to_list(), "sent": self.sent.to_list(), "size": [self.size.width, self.size.height]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Return the plan stored by `to_json`; raise FrameError if `data` is invalid."""
        try:
            stored = cls(Rect(*data["frame"]), Rect(*data["sent"]), Size(*data["size"]))
            numbers = (*stored.frame.to_list(), *stored.sent.to_list(), stored.size.width, stored.size.height)
        except (KeyError, TypeError) as error:
            raise FrameError(_("The job's plan is incomplete. Run the edit again.")) from error
        if (
            not all(isinstance(n, int) for n in numbers)
            or stored.frame.empty
            or min(data["size"]) < 1
            or not stored.sent.contains(stored.frame)
        ):
            raise FrameError(_("The job's plan is damaged. Run the edit again."))
        return stored


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
    """Plan an edit of `selection` (None: the whole layer) on a layer that covers `layer`.

    context: "auto", "layer", "canvas", or the pixels of context around the selection.
    rule: the sizes that the model supports. A free size is at 1:1 if the rule permits it. Of a list, it is the cheapest
    size that loses no detail: at 1:1 with more context if that fits, but scaled up if `context` is a number.
    size: the size to request, which overrides `largest`.
    largest: the longest edge to request, in pixels.
    Raises FrameError if the selection is outside the canvas or the layer, or if an option can't be satisfied.
    """
    canvas_rect = Rect(0, 0, canvas.width, canvas.height)
    area, home = _edited_area(canvas_rect, selection, layer)
    rule = restrict(rule, size, largest)
    bounds = Bounds(home.size, canvas)
    margin = _margin(context)

    def with_size(target: Rect, *, prefer_context: bool = True) -> tuple[Rect, SizeChoice]:
        return target, choose_size(target.size, bounds, rule, prefer_context=prefer_context)

    if margin is not None:
        target, choice = with_size(area.grow(margin).intersect(home), prefer_context=False)
    elif context == "auto":
        target, choice = _widest_context(
            context_margin(area.size), lambda pixels: with_size(_surroundings(area, pixels, home)), canvas
        )
    else:
        target, choice = with_size(canvas_rect if context == "canvas" else home)
    sent = Rect(
        start_of_span(target.x, target.width, choice.sent.width, (home.x, home.right), canvas.width),
        start_of_span(target.y, target.height, choice.sent.height, (home.y, home.bottom), canvas.height),
        choice.sent.width,
        choice.sent.height,
    )
    return Plan(sent.intersect(canvas_rect), sent, choice.size)


def context_margin(selection: Size) -> int:
    """Return the pixels of "auto" context around a selection of this size.

    The sum of krita-ai-diffusion's padding, max(10 % of the diagonal, 32) + 4 + 6 % of the diagonal, and a quarter of
    the mean side: wide enough to show the model the surroundings, and independent of the canvas.
    """
    diagonal = math.hypot(selection.width, selection.height)
    mean_side = (selection.width + selection.height) / 2
    return math.ceil(max(0.10 * diagonal, 32) + 4 + 0.06 * diagonal + mean_side / 4)


def tight_margin(selection: Size) -> int:
    """Return the pixels of context for a provider that ignores the mask: it then redraws little besides the selection.

    Half of what "auto" adds, but not less than the narrowest automatic context.
    """
    return max(MIN_MARGIN, context_margin(selection) // 2)


def _edited_area(canvas: Rect, selection: Rect | None, layer: Rect) -> tuple[Rect, Rect]:
    """Return the visible part of the selection, and its home: that together with the visible part of the layer."""
    if canvas.empty:
        raise FrameError(_("The canvas is empty. Set the canvas size first."))
    visible = layer.intersect(canvas)
    if visible.empty:
        raise FrameError(_("The layer is outside the canvas. Move it onto the canvas, or choose another layer."))
    if selection is None:
        return visible, visible
    area = selection.intersect(canvas)
    if area.empty:
        raise FrameError(_("The selection is outside the canvas. Select an area of the canvas."))
    if area.intersect(visible).empty:
        raise FrameError(_("The selection is outside the layer. Select an area of the layer, or choose another layer."))
    return area, visible.union(area)


def _margin(context: str | int) -> int | None:
    """Return the context as a number of pixels, or None for one of the keywords."""
    if context in ("auto", "layer", "canvas"):
        return None
    text = str(context).strip()
    if not (text.isascii() and text.isdigit()):
        raise FrameError(
            _("context {context}: enter auto, layer, canvas, or a number of pixels, 0 or more.").format(context=context)
        )
    return int(text)


def _surroundings(selection: Rect, margin: int, home: Rect) -> Rect:
    """Return the selection with its automatic context, shifted into `home`, and shrunk only if it doesn't fit."""
    width = min(home.width, max(selection.width + 2 * margin, MIN_SIDE))
    height = min(home.height, max(selection.height + 2 * margin, MIN_SIDE))
    left = start_of_span(selection.x, selection.width, width, (home.x, home.right), home.right)
    top = start_of_span(selection.y, selection.height, height, (home.y, home.bottom), home.bottom)
    return Rect(left, top, width, height)


def _widest_context(
    full: int, choose: Callable[[int], tuple[Rect, SizeChoice]], canvas: Size
) -> tuple[Rect, SizeChoice]:
    """Return the choice with the widest margin, at least a quarter of `full`, without padding or loss of detail.

    If even the narrowest margin avoids neither, the margin is `full`.
    """
    best = choose(full)
    defects, narrowest = best[1].defects(canvas), max(full // 4, MIN_MARGIN)
    if not any(defects):
        return best
    narrow = choose(narrowest)
    goal = narrow[1].defects(canvas)
    if goal >= defects:
        return best
    best, low, high = narrow, narrowest, full
    while high - low > 1:
        middle = (low + high) // 2
        choice = choose(middle)
        if choice[1].defects(canvas) <= goal:
            best, low = choice, middle
        else:
            high = middle
    return best


def start_of_span(start: int, length: int, sent: int, home: tuple[int, int], canvas: int) -> int:
    """Return the start of a span of `sent` pixels centred on the target, shifted into its home or else the canvas."""
    begin = start - (sent - length) // 2
    low, high = home
    if sent > high - low:
        low, high = 0, canvas
    if sent > high - low:
        return low - (sent - (high - low)) // 2
    return min(max(begin, low), high - sent)


def _scaled(value: float, numerator: int, denominator: int) -> float:
    return value if numerator == denominator else value * numerator / denominator
