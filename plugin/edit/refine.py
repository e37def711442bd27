"""The second pass over a result that was enlarged: tiles at the picture's resolution, each an edit of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from gi.repository import Gimp

from lib.api import cost
from lib.frame.frame import FrameError, Plan
from lib.frame.geometry import Rect, Size
from lib.frame.tiles import plan_tiles
from lib.jobs.job import SELECTION, Job
from lib.translation import _
from plugin.edit.draft import Draft, estimate_size
from plugin.edit.options import Options
from plugin.edit.task import Exported, Task, mask_margin, requested_size, size_rule
from plugin.errors import EditFailed
from plugin.pixels import export
from plugin.pixels.selection import StoredSelection

# Pixels around what is to be refined: those that are sent, and those that may change, as the mask's edge is soft.
CONTEXT, MARGIN = 64, 8
# Fields of a request that a tile doesn't have: it has one result, and nobody would look at its previews.
_LEFT_OUT = ("n", "stream", "partial_images", "size")


@dataclass(frozen=True)
class SecondPass:
    """The tiles as drafts, and the draft of the edit that they refine, at the cost of all tiles.

    mask: the values of the result's layer mask in its frame, None without one.
    """

    tiles: list[Draft]
    draft: Draft
    mask: bytes | None


def can_be_refined(draft: Draft) -> bool:
    """Return whether an edit's result was enlarged, by a model that could draw it again."""
    is_opaque = draft.options.request.get("background") != "transparent"
    return draft.provider.name != "local" and is_opaque and round(100 * draft.task.plan.scale) < 100


def second_pass(draft: Draft, result: Gimp.Layer | None) -> SecondPass:
    """Return the tiles that refine the layer with an edit's result.

    Raises EditFailed where that is not possible, or BadArguments.
    """
    image, plan = draft.image, draft.task.plan
    if result is None or not result.is_valid() or not image.is_valid():
        raise EditFailed(_("The layer of the result is no longer in the image, so it can't be refined."))
    if draft.task.edited and not draft.task.edited.is_valid():
        raise EditFailed(_("The edited layer was deleted, so the result can't be refined."))
    if export.layer_rect(result) != plan.frame:
        raise EditFailed(_("The layer of the result was moved or scaled, so the result can't be refined."))
    visible = export.opaque_area(image, result)
    tiles = _plans(draft, visible)
    options = _options(draft.options)
    has_mask = result.get_mask() is not None
    drafts = [
        replace(
            draft,
            options=options,
            task=_task(draft, options, tile, result, visible if has_mask else None),
            cost=estimate_size(options, tile.size, draft.model, 1, has_mask=has_mask),
        )
        for tile in tiles
    ]
    total = cost.total([each.cost for each in drafts])
    return SecondPass(drafts, replace(draft, cost=total), visible.values(plan.frame) if has_mask else None)


def _plans(draft: Draft, visible: StoredSelection) -> list[Plan]:
    """Return the plans of the tiles in which something is visible."""
    canvas = Size(draft.image.get_width(), draft.image.get_height())
    bounds, options = visible.bounds, draft.options
    if bounds is None:
        raise EditFailed(_("Nothing of the result is visible, so there is nothing to refine."))
    area = bounds.grow(CONTEXT).intersect(Rect(0, 0, canvas.width, canvas.height))
    size, largest = requested_size(options), options.largest_size
    try:
        plans = plan_tiles(canvas, area, rule=size_rule(options), size=size, largest=largest)
    except FrameError as error:
        raise EditFailed(str(error)) from None
    if not plans:
        raise EditFailed(_("The result is too large to be refined. Select a smaller area."))
    return [plan for plan in plans if any(visible.values(plan.frame))]


def _options(options: Options) -> Options:
    """Return the options of a tile: without references, aligned with what is sent, whose light and colours it takes."""
    request = {name: value for name, value in options.request.items() if name not in _LEFT_OUT}
    return replace(
        options, request=request, references=(), markup="", mask="", feather=0.0, grow=0, fit=True,
        match_colour="never", light=False, detail=False, change_mask=False,
    )  # fmt: skip


def _task(draft: Draft, options: Options, plan: Plan, result: Gimp.Layer, mask: StoredSelection | None) -> Task:
    """Return the task of refining a tile; `mask` is the area to change, None for all of it."""
    return replace(
        draft.task,
        plan=plan,
        place=replace(draft.task.place, frame=plan.frame),
        export=_exporter(draft, options, plan, result, mask),
        selection=mask,
        prompt_addition=_prompt_addition(),
        refines=True,
    )


def _exporter(
    draft: Draft, options: Options, plan: Plan, result: Gimp.Layer, mask: StoredSelection | None
) -> Callable[[Job], Exported]:
    def write(job: Job) -> Exported:
        image, edited = draft.image, draft.task.edited
        if edited:
            pixels = export.rendered_together(image, [edited, result], plan.frame)
        else:
            pixels = export.visible_pixels(image, plan.frame)
        picture = export.sent_png(pixels, plan)
        if mask is None:
            return Exported([picture])
        job.write(SELECTION, mask.values(plan.frame))
        return Exported([picture], export.mask_png(mask, plan, MARGIN + mask_margin(options, plan)))

    return write


@cache
def _prompt_addition() -> str:
    """Return the sentence that asks a model to keep the picture; it is sent after the prompt."""
    path = Path(__file__).with_name("refinement.json")
    addition: str = json.loads(path.read_text(encoding="utf-8"))["prompt_addition"]
    return addition
