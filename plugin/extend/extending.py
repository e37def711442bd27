"""Extending the canvas: the new area is sent transparent and masked, and its result blends into the old edge."""

from collections.abc import Mapping, Sequence
from typing import Any

from gi.repository import Gimp

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.jobs.job import SELECTION, Job
from plugin.edit.arguments import Sides, defaults, sides
from plugin.edit.options import Options, checked
from plugin.edit.prepare import check, first_picture, reference_pictures, sources
from plugin.edit.task import Exported, Outcome, Progress, Task, plan_frame, run
from plugin.errors import BadArguments
from plugin.extend.extension import Extension, ExtensionError
from plugin.pixels import export
from plugin.pixels.insert import Place, place_above


def extend(
    image: Gimp.Image, layers: Sequence[Gimp.Layer], wanted: Sides, options: Options, python: str, progress: Progress
) -> Outcome:
    """Grows the canvas by the sides and fills what is new; one undo step takes both back.

    Raises BadArguments, EditFailed or EditCancelled; the image, its canvas too, is then as it was.
    """
    return run(image, prepare(image, layers, wanted, options), options, python, progress)


def prepare(image: Gimp.Image, layers: Sequence[Gimp.Layer], wanted: Sides, options: Options) -> Task:
    """What such an extension would send, and where its results would go; nothing is read yet.

    Raises BadArguments or EditFailed.
    """
    check(image, layers, options)
    extension = read_sides(image, wanted)
    whole = Rect(0, 0, extension.size.width, extension.size.height)
    plan = plan_frame(extension.size, extension.changed, whole, options)
    above = place_above(image, None if options.sample_merged else layers[0], plan.frame)
    place = Place(plan.frame, above.parent, above.position, extension.whole)
    made_of = sources(image, layers, options) | {"grown": extension.whole.to_list(), "selected": True}
    return Task(plan, place, lambda job: _export(image, layers, options, extension, plan, job), made_of)


def options_of(image: Gimp.Image, values: Mapping[str, Any]) -> Options:
    """The options that the values stand for; raises BadArguments with every problem, those of the sides first."""
    prompt = values["prompt"].strip() or "extend"
    return checked({**defaults(), **values, "prompt": prompt}, problems_with(image, sides(values)))


def problems_with(image: Gimp.Image, wanted: Sides) -> list[str]:
    """What is wrong with the sides, a sentence each."""
    try:
        read_sides(image, wanted)
    except BadArguments as error:
        return error.problems
    return []


def read_sides(image: Gimp.Image, wanted: Sides) -> Extension:
    """The extension that the sides stand for; raises BadArguments."""
    try:
        return Extension.read(Size(image.get_width(), image.get_height()), *wanted)
    except ExtensionError as error:
        raise BadArguments([str(error)]) from None


def _export(
    image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options, extension: Extension, plan: Plan, job: Job
) -> Exported:
    values = extension.values(plan.frame)
    job.write(SELECTION, values)
    area = plan.frame.translate(extension.whole.x, extension.whole.y)
    first = first_picture(image, layers, options, plan, area)
    pictures = [first, *reference_pictures(image, layers)]
    return Exported(pictures, export.mask_of(values, plan), {"grow": 0, "feather": 0.0})
