"""Which size a model is asked for, and how many canvas pixels go into it: sizes only, no places."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lib.api.models import FreeSize, SizeList
from lib.frame.geometry import Size
from lib.translation import _

UNSEEN = 0.001  # an aspect this close is as good as exact: half a pixel in 500
DISTORTION = 0.005  # and one further off than this is never used
SLACK = 16  # padding in pixels, both sides together, that is better than resampling;
SLACK_PART = 32  # or this part of the canvas, one 32nd, where that is more
SNAP = 1.25  # a context this close to a listed size is grown to it rather than scaled


class FrameError(ValueError):
    """No frame can be planned; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Room:
    """How far a frame may grow: in `home` (the layer's visible part) at best, else on the canvas."""

    home: Size
    canvas: Size


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """So many pixels of the canvas, asked for at such a size."""

    sent: Size
    size: Size

    def faults(self, canvas: Size) -> tuple[bool, bool]:
        """Whether it needs padding (a few pixels are fair for 1:1), and whether it loses detail."""
        limit = _slackened(canvas) if self.sent == self.size else canvas
        padded = self.sent.width > limit.width or self.sent.height > limit.height
        return padded, self.sent.width > self.size.width or self.sent.height > self.size.height

    def padding(self, canvas: Size) -> float:
        """The part of what is sent that is padding, from 0 to 1."""
        real = min(self.sent.width, canvas.width) * min(self.sent.height, canvas.height)
        return 1 - real / self.sent.pixels


def bounded(rule: SizeList | FreeSize, size: Size | None, largest: int | None) -> SizeList | FreeSize:
    """The rule narrowed to the wanted size, else to sizes whose longest edge is at most `largest` pixels.

    Raises FrameError where the rule does not allow the size, or nothing is left.
    """
    if size is not None:
        _check(size, rule)
        return SizeList(((size.width, size.height),))
    if largest is not None and largest < 1:
        raise FrameError(
            _("largest-size {largest}: give the longest edge in pixels, from 1 up.").format(largest=largest)
        )
    if isinstance(rule, SizeList):
        return _bounded_list(rule, largest)
    return _bounded_free(rule, largest)


def choose(target: Size, room: Room, rule: SizeList | FreeSize, *, roomy: bool) -> SizeChoice:
    """The best of what the rule allows for a target; `roomy`: rather more context at 1:1 than scaled up."""
    if isinstance(rule, FreeSize):
        return _unscaled(target, room, rule) or _resized(target, room, rule)
    choices = [_listed(target, room.canvas, Size(*size), roomy) for size in rule.sizes]
    return min(choices, key=lambda choice: _rank(choice, room.canvas))


def _rank(choice: SizeChoice, canvas: Size) -> tuple[float, ...]:
    """Low is good: no loss of detail first, then little padding, then few pixels to pay for.

    Where detail is lost, a dearer size has to keep at least the square root more of it.
    """
    padding, pixels = choice.padding(canvas), choice.size.pixels
    kept = (choice.size.width / choice.sent.width) ** 2
    if kept >= 1:
        return 0, math.floor(4 * padding), pixels, padding, choice.sent.pixels
    return 1, -kept / math.sqrt(pixels), padding


def _listed(target: Size, canvas: Size, size: Size, roomy: bool) -> SizeChoice:
    """The pixels to send at one fixed size: 1:1 where canvas and context allow it."""
    tight = cover(target, size)
    limit = _slackened(canvas)
    inside = size.width <= limit.width and size.height <= limit.height
    larger = size.width >= tight.width and size.height >= tight.height
    if larger and inside and (roomy or size.width <= SNAP * tight.width):
        return SizeChoice(size, size)
    if larger and roomy:
        scale = min(canvas.width / size.width, canvas.height / size.height, 1)
        most = Size(max(1, math.floor(size.width * scale)), max(1, math.floor(size.height * scale)))
        if most.width >= tight.width and most.height >= tight.height:
            return SizeChoice(cover(most, size), size)
    return SizeChoice(tight, size)


def cover(target: Size, size: Size) -> Size:
    """The smallest whole size around `target` with the aspect of `size`: at most 0.1 % off, 0.5 % if tiny."""
    aspect = size.height / size.width
    if abs(target.width * aspect / target.height - 1) <= UNSEEN:
        return target
    start = max(target.width, math.ceil(target.height / aspect))
    soon = start + SLACK + start // 50
    best, error = target, math.inf
    for width in range(start, start + size.width + 1):  # an exact one is among them
        height = max(target.height, round(width * aspect), 1)
        off = abs(width * aspect / height - 1)
        if off < error:
            best, error = Size(width, height), off
        if error <= UNSEEN or (width >= soon and error <= DISTORTION):
            break
    return best


def _unscaled(target: Size, room: Room, rule: FreeSize) -> SizeChoice | None:
    """The target at 1:1, grown to what the rule wants; None where the rule or the canvas do not allow it."""
    width, height = _up(target.width, rule.multiple), _up(target.height, rule.multiple)
    width = max(width, _up(height / rule.max_ratio, rule.multiple))
    height = max(height, _up(width / rule.max_ratio, rule.multiple))
    for limit in (room.home, room.canvas, _slackened(room.canvas)):
        found = _squarest(Size(width, height), limit, rule)
        if found:
            return SizeChoice(found, found)
    return None


def _squarest(least: Size, limit: Size, rule: FreeSize) -> Size | None:
    """The squarest and then smallest allowed size that contains `least` and grows no further than `limit`."""
    if least.pixels >= rule.min_pixels:
        return least if rule.allows(least.width, least.height) else None
    highest, found = max(least.height, limit.height), []
    for width in range(least.width, max(least.width, limit.width) + 1, rule.multiple):
        height = _up(max(least.height, rule.min_pixels / width, width / rule.max_ratio), rule.multiple)
        if height <= highest and rule.allows(width, height):
            found.append(Size(width, height))
    return min(found, key=lambda size: (size.longest, size.pixels), default=None)


def _resized(target: Size, room: Room, rule: FreeSize) -> SizeChoice:
    """The target scaled up (the canvas is too small for the rule) or down (the target is too large)."""
    width = max(target.width, math.ceil(target.height / rule.max_ratio))
    height = max(target.height, math.ceil(width / rule.max_ratio))
    if width * height < rule.min_pixels:
        wide, high = max(width, room.canvas.width), max(height, room.canvas.height)
        width = max(width, min(wide, math.floor(high * rule.max_ratio)))
        height = max(height, min(high, math.floor(width * rule.max_ratio)))
    size = _nearest(Size(width, height), rule)
    return SizeChoice(cover(Size(width, height), size), size)


def _nearest(sent: Size, rule: FreeSize) -> Size:
    """The allowed size that is closest to `sent` in aspect, and to 1:1 in pixels."""
    scale = min(1, rule.max_edge / sent.longest, math.sqrt(rule.max_pixels / sent.pixels))
    goal = max(scale * scale * sent.pixels, rule.min_pixels)

    def unfitness(size: Size) -> float:
        off = abs(size.width * sent.height / (size.height * sent.width) - 1)
        dearer = abs(math.log(size.pixels / goal))
        return dearer + 50 * max(0.0, off - UNSEEN) + (off > DISTORTION)

    return min(_heights(sent, rule), key=unfitness)


def _heights(sent: Size, rule: FreeSize) -> list[Size]:
    """For every width that the rule allows, the allowed height nearest to the aspect of `sent`."""
    multiple, found = rule.multiple, []
    for width in range(multiple, rule.max_edge + 1, multiple):
        low = _up(max(1, rule.min_pixels / width, width / rule.max_ratio), multiple)
        high = _down(min(rule.max_edge, rule.max_pixels / width, width * rule.max_ratio), multiple)
        if low <= high:
            height = round(width * sent.height / sent.width / multiple) * multiple
            found.append(Size(width, min(max(height, low), high)))
    return found


def _bounded_list(rule: SizeList, largest: int | None) -> SizeList:
    sizes = [size for size in rule.sizes if largest is None or max(size) <= largest]
    if not sizes:
        raise FrameError(
            _(
                "largest-size {largest}: the model answers in {rule}. Raise largest-size, or choose another model."
            ).format(largest=largest, rule=rule)
        )
    return SizeList(tuple(sizes))


def _bounded_free(rule: FreeSize, largest: int | None) -> FreeSize:
    """With a smaller edge, and the ratio that still reaches the rule's least number of pixels."""
    edge = _down(min(rule.max_edge, largest or rule.max_edge), rule.multiple)
    least = _up(rule.min_pixels / edge, rule.multiple) if edge else 0
    if not edge or least > edge:
        raise FrameError(
            _(
                "largest-size {largest}: the model answers in {rule}. Raise largest-size, or choose another model."
            ).format(largest=largest, rule=rule)
        )
    return replace(rule, max_edge=edge, max_ratio=min(rule.max_ratio, edge / least))


def _check(size: Size, rule: SizeList | FreeSize) -> None:
    """Raise FrameError, naming what is allowed, where the rule does not allow the wanted size."""
    if not rule.allows(size.width, size.height):
        raise FrameError(
            _("size {size}: the model answers in {rule}. Choose such a size, or leave it empty.").format(
                size=size, rule=rule
            )
        )


def _slackened(canvas: Size) -> Size:
    """The canvas and the padding that is still better than resampling."""
    return Size(
        canvas.width + max(SLACK, canvas.width // SLACK_PART), canvas.height + max(SLACK, canvas.height // SLACK_PART)
    )


def _up(value: float, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _down(value: float, multiple: int) -> int:
    return math.floor(value / multiple) * multiple
