"""Edit a picture as a prompt says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageColor

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine import arrange
from lib.endpoint.engine.adjust import adjust
from lib.endpoint.engine.adjustments import ADJUSTMENTS, Adjustment
from lib.endpoint.engine.area import fill_area, whole
from lib.endpoint.engine.cutout import blend, cut_out, find_cut_out, on_backdrop
from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.prompt import parse_prompt
from lib.endpoint.engine.scratches import find_scratches
from lib.endpoint.engine.step import Step, Steps, finds_subject
from lib.endpoint.subject.others import find_others
from lib.translation import _

Partial = Callable[[np.ndarray], None]

# The factor of an adjustment's strength for each result of a request.
_STRENGTHS = (1.0, 1.25, 0.8, 1.5, 0.65, 1.75, 0.5, 2.0, 0.4, 2.25)
_MIXED_DECREASE = 0.07
_OF_SELECTION = 0.25  # with a larger part of scratches, a selection is of the scratch itself


@dataclass(frozen=True)
class Result:
    """A finished picture, (H, W, 4) uint8, not premultiplied, and a sentence that describes the edit."""

    image: np.ndarray
    revised_prompt: str


@dataclass(frozen=True)
class EngineTask:
    """The arguments of `edit`."""

    images: Sequence[np.ndarray]
    mask: np.ndarray | None
    avoid: np.ndarray | None
    seed: int
    variant: int
    size: tuple[int, int] | None
    transparent: bool
    on_partial: Partial


def edit(
    images: Sequence[np.ndarray],
    mask: np.ndarray | None,
    prompt: str,
    *,
    avoid: np.ndarray | None = None,
    seed: int = 0,
    variant: int = 0,
    size: tuple[int, int] | None = None,
    transparent: bool = False,
    on_partial: Partial | None = None,
) -> Result:
    """Edit the first of `images` (each (H, W, 4) uint8, RGBA) as `prompt` says, or arrange all of them.

    `mask` (H, W, bool) is True where the first image may change; all other pixels stay exactly the same. Without a
    mask, a fill uses the image's transparent pixels (alpha under 255), and an adjustment the whole image. A fill copies
    nothing from where `avoid` (H, W, bool) is True, nor from other subjects, where the subject network finds any.
    `variant`, 0 to 9, makes results differ, as an adjustment would otherwise always be the same. `size` (width, height)
    is for arrangements; other results have the first image's size. `transparent` makes the background transparent.
    `on_partial` receives intermediate states, (H, W, 4); its exceptions end the edit. The same arguments give the same
    bytes. Raise Refused.
    """
    steps = parse_prompt(prompt)
    task = EngineTask(images, mask, avoid, seed, variant, size, transparent, on_partial or (lambda _state: None))
    if steps[0].kind == "arrange":
        return _arrange(steps[0], task)
    _check(steps, task)
    return _edit(steps, task)


def _check(steps: Steps, task: EngineTask) -> None:
    if task.mask is not None and not task.mask.any():
        raise Refused("nothing_to_fill", _("Nothing is selected. Select the area to change."))
    for step in steps:
        if step.kind == "adjust" and ADJUSTMENTS[step.name].whole and task.mask is not None:
            raise Refused(
                "mask_not_used",
                _("This changes the whole picture. Clear the selection first."),
            )
        if step.kind == "adjust" and step.target and task.mask is None and not finds_subject(step):
            raise Refused(
                "mask_required",
                _(
                    "The built-in engine cannot find “{target}” in the picture. Select it first, "
                    "or change the whole picture."
                ).format(target=step.target),
            )


def _edit(steps: Steps, task: EngineTask) -> Result:
    image = task.images[0]
    for index, step in enumerate(_distinct(steps)):
        checkpoint()
        if index:
            task.on_partial(image)
        image = _STEPS[step.kind](image, step, task)
    revised_prompt = _revised_prompt(steps, task)
    if task.transparent and image[..., 3].min() == 255:
        image = cut_out(image, task.mask)
        revised_prompt += " Make its background transparent."
    return Result(image, revised_prompt)


def _distinct(steps: Steps) -> list[Step]:
    """Return the steps with at most one fill, as all are of the mask; a backdrop cuts out too."""
    if any(step.kind == "backdrop" for step in steps):
        steps = tuple(step for step in steps if step.name != "transparent")
    fills = [step for step in steps if step.kind in ("fill", "extend")]
    return [step for step in steps if step not in fills or step is fills[0]]


def _fill(image: np.ndarray, step: Step, task: EngineTask) -> np.ndarray:
    hole = image[..., 3] < 255 if task.mask is None else task.mask
    if not hole.any():
        raise Refused(
            "nothing_to_fill",
            _("There is nothing to fill. Select the area to fill, or make it transparent."),
        )
    avoid = task.avoid
    others = find_others(image, hole) if step.kind == "fill" else None
    if others is not None:
        avoid = others if avoid is None else avoid | others
    return fill_area(image, hole, avoid, task.seed, task.on_partial)


def _adjust(image: np.ndarray, step: Step, task: EngineTask) -> np.ndarray:
    adjustment = ADJUSTMENTS[step.name]
    amount = _strength(adjustment, step.amount, task.variant)
    if adjustment.skill == "transparent":
        return cut_out(image, task.mask)
    if adjustment.skill in _WHOLE_SKILLS:
        return _WHOLE_SKILLS[adjustment.skill](image, task)
    region = whole(image) if task.mask is None or step.part else task.mask
    adjusted = adjust(image, region, adjustment.skill, amount, step.colour)
    if not step.part:
        return adjusted
    cut = find_cut_out(image, task.mask)
    return blend(image, adjusted, cut.mask if step.part == "subject" else 255 - cut.mask)


def _put_on_backdrop(image: np.ndarray, step: Step, task: EngineTask) -> np.ndarray:
    return on_backdrop(find_cut_out(image, task.mask), ImageColor.getrgb(step.colour or "white")[:3])


def _straighten(_image: np.ndarray, _task: EngineTask) -> np.ndarray:
    # No method that was tried tells a horizon from other slanting lines on every photograph.
    raise Refused(
        "needs_a_person", _("The horizon can't be found reliably. Use Straighten in the options of the Measure tool.")
    )


def _upscale(_image: np.ndarray, _task: EngineTask) -> np.ndarray:
    raise Refused(
        "size_is_fixed", _("A result has the size of its picture. To enlarge the picture, use Image ▸ Scale Image.")
    )


def _remove_scratches(image: np.ndarray, task: EngineTask) -> np.ndarray:
    """Fill the dust and scratches in the selection; all of it, if it holds little more than such a mark."""
    if task.mask is None:
        raise Refused(
            "mask_required",
            _("Select the dust and scratches roughly first, so that no other detail is taken for one."),
        )
    marks = find_scratches(np.ascontiguousarray(image[..., :3])) & task.mask
    if not marks.any() or marks.sum() > _OF_SELECTION * task.mask.sum():
        marks = task.mask
    return fill_area(image, marks, task.avoid, task.seed, task.on_partial)


_WHOLE_SKILLS: dict[str, Callable[[np.ndarray, EngineTask], np.ndarray]] = {
    "straighten": _straighten, "upscale": _upscale, "scratches": _remove_scratches,
}  # fmt: skip


def _strength(adjustment: Adjustment, degree: float, variant: int) -> float:
    if adjustment.mixed:
        return min(degree, 1.0) * adjustment.amount * (1 - _MIXED_DECREASE * variant)
    return degree * adjustment.amount * _STRENGTHS[variant % len(_STRENGTHS)]


_STEPS: dict[str, Callable[[np.ndarray, Step, EngineTask], np.ndarray]] = {
    "fill": _fill, "extend": _fill, "adjust": _adjust, "backdrop": _put_on_backdrop,
}  # fmt: skip


def _arrange(step: Step, task: EngineTask) -> Result:
    if len(task.images) < 2:
        raise Refused("images_required", _("An arrangement needs at least two images. Add layers or reference images."))
    if task.mask is not None:
        raise Refused("mask_not_used", _("An arrangement creates a new image. Clear the selection first."))
    colour = step.colour or "white"
    board = (255, 255, 255, 0) if task.transparent else (*ImageColor.getrgb(colour)[:3], 255)
    size = task.size or arrange.DEFAULT_SIZE
    pieces, cut = arrange.pieces(task.images, size)
    image = arrange.arrange(pieces, size, board, task.variant, task.on_partial)
    background = "transparent" if task.transparent else f"plain {colour}"
    cut_note = f", {cut} of them cut out of their plain background" if cut else ""
    return Result(image, f"Arrange the {len(pieces)} pictures without overlap on a {background} background{cut_note}.")


def _revised_prompt(steps: Steps, task: EngineTask) -> str:
    parts = [_describe(step, task) for step in _distinct(steps)]
    text = ", then ".join(parts)
    place = ", inside the selection" if task.mask is not None and any(s.kind == "adjust" for s in steps) else ""
    others = " The other pictures are not used." if len(task.images) > 1 else ""
    return f"{text[0].upper()}{text[1:]}{place}.{others}"


def _describe(step: Step, task: EngineTask) -> str:
    if step.kind == "adjust":
        degree = "slightly " if step.amount < 0.8 else "much " if step.amount > 1.4 else ""
        says = ADJUSTMENTS[step.name].says.format(degree=degree, colour=step.colour)
        return f"{says}, only the {step.part}" if step.part else says
    if step.kind == "backdrop":
        return f"put a {step.colour or 'white'} background behind the subject"
    area = "transparent part of the picture" if task.mask is None else "selected area"
    sides = f" on the {' and '.join(step.sides)}" if step.sides and len(step.sides) < 4 else ""
    return f"fill the {area}{sides} from its surroundings"
