"""Extend the canvas: send the new area transparent and masked, and blend the result into the old edge."""

from collections.abc import Mapping, Sequence
from typing import Any

from gi.repository import Gimp

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.jobs.job import SELECTION, Job
from plugin.edit.arguments import Sides, defaults, sides
from plugin.edit.options import Options, checked
from plugin.edit.run import Outcome, Progress, run
from plugin.edit.task import (
    Exported,
    Task,
    check_editable,
    first_picture,
    name_of,
    plan_frame,
    reference_pictures,
    sources,
)
from plugin.errors import BadArguments
from plugin.extend.extension import Extension, ExtensionError
from plugin.pixels import export
from plugin.pixels.insert import Place, place_above


def extend(
    image: Gimp.Image, layers: Sequence[Gimp.Layer], amounts: Sides, options: Options, python: str, progress: Progress
) -> Outcome:
    """Extend the canvas by the amounts and fill the new area, in one undo step.

    Raise BadArguments, EditFailed or EditCancelled and leave the image and its canvas unchanged.
    """
    return run(image, prepare(image, layers, amounts, options), options, python, progress)


def prepare(image: Gimp.Image, layers: Sequence[Gimp.Layer], amounts: Sides, options: Options) -> Task:
    """Return the task of an extension; its pixels are read only when it is exported.

    Raise BadArguments or EditFailed.
    """
    check_editable(image, layers, options)
    extension = read_sides(image, amounts)
    whole = Rect(0, 0, extension.size.width, extension.size.height)
    plan = plan_frame(extension.size, extension.changed, whole, options)
    above = place_above(image, None if options.sample_merged else layers[0], plan.frame)
    place = Place(plan.frame, above.parent, above.position, extension.whole)
    source_record = sources(image, layers, options) | {"grown": extension.whole.to_list(), "selected": True}
    export_files = lambda job: _export(image, layers, options, extension, plan, job)  # noqa: E731
    return Task(plan, place, export_files, source_record, image_name=name_of(image))


def options_of(image: Gimp.Image, values: Mapping[str, Any]) -> Options:
    """Return the options of the values; raise BadArguments with all problems, those of the sides first."""
    prompt = values["prompt"].strip() or "extend"
    return checked({**defaults(), **values, "prompt": prompt}, side_problems(image, sides(values)))


def side_problems(image: Gimp.Image, amounts: Sides) -> list[str]:
    """Return the problems of the amounts, one sentence each."""
    try:
        read_sides(image, amounts)
    except BadArguments as error:
        return error.problems
    return []


def read_sides(image: Gimp.Image, amounts: Sides) -> Extension:
    """Return the extension by the amounts; raise BadArguments for invalid ones."""
    try:
        return Extension.parse(Size(image.get_width(), image.get_height()), *amounts)
    except ExtensionError as error:
        raise BadArguments([str(error)]) from None


def _export(
    image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options, extension: Extension, plan: Plan, job: Job
) -> Exported:
    values = extension.values(plan.frame)
    job.write(SELECTION, values)
    area = plan.frame.translate(extension.whole.x, extension.whole.y)
    pictures = [first_picture(job, image, layers, options, plan, area), *reference_pictures(image, layers)]
    avoid = export.avoid_png(image, area, plan)
    return Exported(pictures, export.mask_of(values, plan), {"grow": 0, "feather": 0.0}, avoid=avoid)
