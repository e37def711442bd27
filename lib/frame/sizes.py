"""Chooses the size to request from a model, and the number of canvas pixels to send in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lib.api.models import FreeSize, SizeList
from lib.frame.geometry import Size
from lib.translation import _

ASPECT_TOLERANCE = 0.001  # an aspect ratio this close counts as exact: half a pixel in 500
MAX_DISTORTION = 0.005  # a size whose aspect ratio is further off is never used
MAX_PADDING = 16  # padding in pixels, both sides together, that is better than resampling;
MAX_PADDING_PART = 32  # or one part of this many of the canvas, if that is more
SNAP_FACTOR = 1.25  # a target is sent with more context at a listed size that is at most this much larger


class FrameError(ValueError):
    """No frame can be planned. The text tells the user why, and what to do."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits to which a frame may grow: preferably `home`, the visible part of the layer, else the canvas."""

    home: Size
    canvas: Size


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """A number of canvas pixels to send, and the size to request for them."""

    sent: Size
    size: Size

    def defects(self, canvas: Size) -> tuple[bool, bool]:
        """Return whether it needs padding (more than a little, if at 1:1), and whether it loses detail."""
        limit = _with_padding(canvas) if self.sent == self.size else canvas
        padded = self.sent.width > limit.width or self.sent.height > limit.height
        return padded, self.sent.width > self.size.width or self.sent.height > self.size.height

    def padding(self, canvas: Size) -> float:
        """Return the fraction of the sent pixels that is padding, from 0 to 1."""
        on_canvas = min(self.sent.width, canvas.width) * min(self.sent.height, canvas.height)
        return 1 - on_canvas / self.sent.pixels


def restrict(rule: SizeList | FreeSize, size: Size | None, largest: int | None) -> SizeList | FreeSize:
    """Return the rule restricted to `size`, or else to sizes whose longest edge is at most `largest` pixels.

    Raises FrameError if the rule doesn't permit the size, or no size is left.
    """
    if size is not None:
        _check_size(size, rule)
        return SizeList(((size.width, size.height),))
    if largest is not None and largest < 1:
        raise FrameError(
            _("largest-size {largest}: enter the longest edge in pixels, 1 or more.").format(largest=largest)
        )
    if isinstance(rule, SizeList):
        return _restrict_list(rule, largest)
    return _restrict_free(rule, largest)


def choose_size(target: Size, bounds: Bounds, rule: SizeList | FreeSize, *, prefer_context: bool) -> SizeChoice:
    """Return the best choice for a target that the rule permits.

    `prefer_context` sends more context at 1:1 rather than scale the target up.
    """
    if isinstance(rule, FreeSize):
        return _unscaled(target, bounds, rule) or _scaled(target, bounds, rule)
    choices = [_at_listed_size(target, bounds.canvas, Size(*size), prefer_context) for size in rule.sizes]
    return min(choices, key=lambda choice: _rank(choice, bounds.canvas))


def _rank(choice: SizeChoice, canvas: Size) -> tuple[float, ...]:
    """Return a key that is lowest for the best choice: no loss of detail, then little padding, then few pixels.

    If detail is lost, a size with more pixels has to preserve more of it, by the square root of their number at least.
    """
    padding, pixels = choice.padding(canvas), choice.size.pixels
    detail = (choice.size.width / choice.sent.width) ** 2
    if detail >= 1:
        return 0, math.floor(4 * padding), pixels, padding, choice.sent.pixels
    return 1, -detail / math.sqrt(pixels), padding


def _at_listed_size(target: Size, canvas: Size, size: Size, prefer_context: bool) -> SizeChoice:
    """Return the choice at a fixed size: at 1:1 if the canvas and the context permit it."""
    tight = cover(target, size)
    limit = _with_padding(canvas)
    inside = size.width <= limit.width and size.height <= limit.height
    larger = size.width >= tight.width and size.height >= tight.height
    if larger and inside and (prefer_context or size.width <= SNAP_FACTOR * tight.width):
        return SizeChoice(size, size)
    if larger and prefer_context:
        scale = min(canvas.width / size.width, canvas.height / size.height, 1)
        widest = Size(max(1, math.floor(size.width * scale)), max(1, math.floor(size.height * scale)))
        if widest.width >= tight.width and widest.height >= tight.height:
            return SizeChoice(cover(widest, size), size)
    return SizeChoice(tight, size)


def cover(target: Size, size: Size) -> Size:
    """Return the smallest size that contains `target` and has the aspect ratio of `size`, off by 0.1 % at most.

    For tiny targets it may be off by 0.5 %.
    """
    aspect = size.height / size.width
    if abs(target.width * aspect / target.height - 1) <= ASPECT_TOLERANCE:
        return target
    start = max(target.width, math.ceil(target.height / aspect))
    good_enough_from = start + MAX_PADDING + start // 50
    best, best_error = target, math.inf
    for width in range(start, start + size.width + 1):  # one of them is exact
        height = max(target.height, round(width * aspect), 1)
        error = abs(width * aspect / height - 1)
        if error < best_error:
            best, best_error = Size(width, height), error
        if best_error <= ASPECT_TOLERANCE or (width >= good_enough_from and best_error <= MAX_DISTORTION):
            break
    return best


def _unscaled(target: Size, bounds: Bounds, rule: FreeSize) -> SizeChoice | None:
    """Return the target at 1:1, grown as the rule requires; None if the rule or the canvas doesn't permit it."""
    width, height = _round_up(target.width, rule.multiple), _round_up(target.height, rule.multiple)
    width = max(width, _round_up(height / rule.max_ratio, rule.multiple))
    height = max(height, _round_up(width / rule.max_ratio, rule.multiple))
    for limit in (bounds.home, bounds.canvas, _with_padding(bounds.canvas)):
        size = _squarest(Size(width, height), limit, rule)
        if size:
            return SizeChoice(size, size)
    return None


def _squarest(minimum: Size, limit: Size, rule: FreeSize) -> Size | None:
    """Return the squarest and then smallest permitted size that contains `minimum` and fits in `limit`."""
    if minimum.pixels >= rule.min_pixels:
        return minimum if rule.allows(minimum.width, minimum.height) else None
    max_height, sizes = max(minimum.height, limit.height), []
    for width in range(minimum.width, max(minimum.width, limit.width) + 1, rule.multiple):
        height = _round_up(max(minimum.height, rule.min_pixels / width, width / rule.max_ratio), rule.multiple)
        if height <= max_height and rule.allows(width, height):
            sizes.append(Size(width, height))
    return min(sizes, key=lambda size: (size.longest, size.pixels), default=None)


def _scaled(target: Size, bounds: Bounds, rule: FreeSize) -> SizeChoice:
    """Return the target scaled up if the canvas is too small for the rule, or down if the target is too large."""
    width = max(target.width, math.ceil(target.height / rule.max_ratio))
    height = max(target.height, math.ceil(width / rule.max_ratio))
    if width * height < rule.min_pixels:
        max_width, max_height = max(width, bounds.canvas.width), max(height, bounds.canvas.height)
        width = max(width, min(max_width, math.floor(max_height * rule.max_ratio)))
        height = max(height, min(max_height, math.floor(width * rule.max_ratio)))
    size = _nearest(Size(width, height), rule)
    return SizeChoice(cover(Size(width, height), size), size)


def _nearest(sent: Size, rule: FreeSize) -> Size:
    """Return the permitted size that is closest to `sent` in its aspect ratio and number of pixels."""
    scale = min(1, rule.max_edge / sent.longest, math.sqrt(rule.max_pixels / sent.pixels))
    ideal_pixels = max(scale * scale * sent.pixels, rule.min_pixels)

    def penalty(size: Size) -> float:
        distortion = abs(size.width * sent.height / (size.height * sent.width) - 1)
        excess = abs(math.log(size.pixels / ideal_pixels))
        return excess + 50 * max(0.0, distortion - ASPECT_TOLERANCE) + (distortion > MAX_DISTORTION)

    return min(_sizes_by_width(sent, rule), key=penalty)


def _sizes_by_width(sent: Size, rule: FreeSize) -> list[Size]:
    """Return for every permitted width the permitted height that is closest to the aspect ratio of `sent`."""
    multiple, sizes = rule.multiple, []
    for width in range(multiple, rule.max_edge + 1, multiple):
        low = _round_up(max(1, rule.min_pixels / width, width / rule.max_ratio), multiple)
        high = _round_down(min(rule.max_edge, rule.max_pixels / width, width * rule.max_ratio), multiple)
        if low <= high:
            height = round(width * sent.height / sent.width / multiple) * multiple
            sizes.append(Size(width, min(max(height, low), high)))
    return sizes


def _restrict_list(rule: SizeList, largest: int | None) -> SizeList:
    sizes = [size for size in rule.sizes if largest is None or max(size) <= largest]
    if not sizes:
        raise _too_small(largest, rule)
    return SizeList(tuple(sizes))


def _restrict_free(rule: FreeSize, largest: int | None) -> FreeSize:
    """Return the rule with a smaller edge, and the ratio at which a size still has the rule's minimum of pixels."""
    edge = _round_down(min(rule.max_edge, largest or rule.max_edge), rule.multiple)
    shorter_edge = _round_up(rule.min_pixels / edge, rule.multiple) if edge else 0
    if not edge or shorter_edge > edge:
        raise _too_small(largest, rule)
    return replace(rule, max_edge=edge, max_ratio=min(rule.max_ratio, edge / shorter_edge))


def _too_small(largest: int | None, rule: SizeList | FreeSize) -> FrameError:
    message = _("largest-size {largest}: the model supports {rule}. Increase largest-size, or choose another model.")
    return FrameError(message.format(largest=largest, rule=rule))


def _check_size(size: Size, rule: SizeList | FreeSize) -> None:
    """Raise FrameError, which names the sizes of the rule, if it doesn't permit `size`."""
    if not rule.allows(size.width, size.height):
        message = _("size {size}: the model supports {rule}. Enter a supported size, or leave it empty.")
        raise FrameError(message.format(size=size, rule=rule))


def _with_padding(canvas: Size) -> Size:
    """Return the size of the canvas with the most padding that is still better than resampling."""
    return Size(
        canvas.width + max(MAX_PADDING, canvas.width // MAX_PADDING_PART),
        canvas.height + max(MAX_PADDING, canvas.height // MAX_PADDING_PART),
    )


def _round_up(value: float, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _round_down(value: float, multiple: int) -> int:
    return math.floor(value / multiple) * multiple
