"""What an edit sends: a task is prepared from the image, then exported into a job folder.

Nothing is sent here; `plugin.edit.run` lets the worker do that and takes the results.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from gi.repository import Gimp

from lib.api import models
from lib.frame import frame
from lib.frame.geometry import Rect, Size
from lib.frame.whereabouts import describe_area
from lib.jobs.job import FRAME, PROFILE, SELECTION, UNCLIPPED, VERSION, Job
from lib.settings import settings
from lib.translation import _
from plugin.edit.markup import markup_layer, without_markup
from plugin.edit.options import Options
from plugin.edit.record import edit_record
from plugin.errors import BadArguments, EditFailed
from plugin.pixels import export
from plugin.pixels.colour_space import ColourSpace
from plugin.pixels.insert import Place, place_above
from plugin.pixels.selection import NOTHING_SELECTED, Selection

MOST_IMAGES = 16
# Models use about this many pixels of a picture's longer side.
_REFERENCE_EDGE = 2048


@dataclass(frozen=True)
class Exported:
    """The PNG files of a request: the picture to edit and its references, the mask, the markup, and what to avoid.

    With markup no mask is sent, and the mask only says where the result is kept. `layer_mask` says how the layer mask
    differs from the selection (see lib.imaging.layer_mask).
    """

    pictures: list[bytes]
    mask: bytes | None = None
    layer_mask: Mapping[str, Any] | None = None
    markup: bytes | None = None
    avoid: bytes | None = None


@dataclass(frozen=True)
class Task:
    """What is sent and where the results go; `export` is called while the worker starts.

    `sources` names the layers that are sent, so that the edit can be repeated. `selection` is the area to change; None
    where no selection defines it. `prompt_addition` is a sentence that is sent after the prompt.
    `edited` is the layer to edit; None for what is visible. `image_name` is for the history. `refines` is for a picture
    that is to stay as it is but for its detail.
    """

    plan: frame.Plan
    place: Place
    export: Callable[[Job], Exported]
    sources: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection | None = None
    prompt_addition: str = ""
    edited: Gimp.Layer | None = None
    image_name: str = ""
    refines: bool = False


def prepare(
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    selection: Selection | None = None,
    replaced: Gimp.Layer | None = None,
) -> Task:
    """Return the task of editing the first layer (or what is visible), with the other layers as references.

    Nothing is exported yet. `selection` takes the place of the image's own. `replaced` is an earlier result: it is not
    sent with what is visible, and is hidden when the new result is inserted. Raises BadArguments or EditFailed.
    """
    markup = markup_layer(image, options.markup)
    layers = without_markup(layers, markup, sample_merged=options.sample_merged)
    check_editable(image, layers, options)
    if options.mask:
        selection = NOTHING_SELECTED  # the worker finds the area in the whole layer
    selection = selection or export.ImageSelection(image)
    canvas = Size(image.get_width(), image.get_height())
    home = _whole(canvas) if options.sample_merged else export.layer_rect(layers[0])
    plan = plan_frame(canvas, _grown(selection.bounds, canvas, options.grow), home, options)
    place = place_above(image, None if options.sample_merged else layers[0], plan.frame)
    return Task(
        plan,
        replace(place, replaced=replaced),
        lambda job: _export(image, layers, options, plan, selection, (replaced, markup), job),
        sources(image, layers, options, markup) | {"selected": selection.bounds is not None or bool(options.mask)},
        selection,
        _prompt_addition(selection.bounds, plan, options),
        None if options.sample_merged else layers[0],
        name_of(image),
    )


def name_of(image: Gimp.Image) -> str:
    """Return the name of an image's file without its suffix, the same for photo.jpg and photo.xcf made of it."""
    file = image.get_imported_file() or image.get_file()
    name = file.get_basename() if file else None
    return PurePath(name).stem if name else image.get_name()


def plan_frame(canvas: Size, selection: Rect | None, home: Rect, options: Options) -> frame.Plan:
    """Return the frame for a selection under the model's and the options' limits; raise BadArguments or EditFailed."""
    try:
        return frame.plan(
            canvas,
            selection,
            home,
            context=_context(selection, options),
            rule=size_rule(options),
            size=requested_size(options),
            largest=options.largest_size,
        )
    except frame.FrameError as error:
        raise EditFailed(str(error)) from None


def _context(selection: Rect | None, options: Options) -> str | int:
    """Return the context: "auto" is less around a selection if the provider redraws all that is sent."""
    if options.context == "auto" and selection and settings.provider(options.provider).ignores_mask:
        return frame.tight_margin(selection.size)
    return options.context


def _prompt_addition(selection: Rect | None, plan: frame.Plan, options: Options) -> str:
    """Return the sentence that says where the selection is, for a provider that ignores the mask."""
    if not selection or not options.describe_area or not settings.provider(options.provider).ignores_mask:
        return ""
    return describe_area(selection, plan.sent)


def sources(
    image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options, markup: Gimp.Layer | None = None
) -> dict[str, Any]:
    """Return the canvas and the layers that an edit uses, by name and by tattoo, for the record on its result."""
    edited, *others = map(_identity, layers)
    used = {"edited": edited, "references": {"layers": others, "others": len(options.references)}}
    if markup:
        used["markup"] = _identity(markup)
    return {"canvas": [image.get_width(), image.get_height()], **used}


def _identity(layer: Gimp.Layer) -> dict[str, Any]:
    return {"name": layer.get_name(), "tattoo": layer.get_tattoo()}


def check_editable(image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options) -> None:
    """Raise EditFailed where the image or the layers cannot be edited."""
    check_quick_mask(image)
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise EditFailed(
            _("An indexed image cannot hold the result's colours. Convert it with Image ▸ Mode ▸ RGB, then try again.")
        )
    if image.get_floating_sel():
        raise EditFailed(_("There is a floating selection. Anchor it or make it a layer, then try again."))
    if not layers:
        raise EditFailed(_("No layer is selected. Select the layer to edit, then try again."))
    if not all(layer.is_layer() for layer in layers):
        raise EditFailed(_("A channel or a mask is selected. Select the layer to edit, then try again."))
    count = len(layers) + len(options.references)
    if count > MOST_IMAGES:
        raise EditFailed(
            _("{count} pictures would be sent, but the limit is {most}. Select fewer layers.").format(
                count=count, most=MOST_IMAGES
            )
        )


def check_quick_mask(image: Gimp.Image) -> None:
    """Raise EditFailed while Quick Mask is on: the mask may be shown inverted, and GIMP does not say so."""
    if export.quick_mask_is_on(image):
        raise EditFailed(
            _("Quick Mask is on, so GIMP reports no selection. Turn off Quick Mask (Shift+Q), then try again.")
        )


def first_picture(
    job: Job,
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    plan: frame.Plan,
    area: Rect,
    without: Sequence[Gimp.Layer | None] = (),
) -> bytes:
    """Return the PNG to edit: the plan's frame, at `area` of the canvas, of the first layer or what is visible.

    The layers `without` are not visible. What the PNG lacks stays in the job: detail, and colours outside sRGB.
    """
    # The built-in engine works in any space. References have to be in the same one as the picture.
    has_references = len(layers) > 1 or bool(options.references)
    space = ColourSpace.for_edit(image, own=options.provider == "local" and not has_references)
    if options.sample_merged:
        pixels = export.visible_pixels(image, area, without, space)
    else:
        pixels = export.layer_pixels(image, layers[0], area, space)
    if space.profile:
        job.write(PROFILE, bytes(space.profile.get_icc_profile()))
    if pixels.unclipped:
        job.write(UNCLIPPED, pixels.unclipped)
    if plan.resampled and options.detail:
        job.write(FRAME, pixels.data)
    return export.sent_png(pixels, plan)


def reference_pictures(image: Gimp.Image, layers: Sequence[Gimp.Layer]) -> list[bytes]:
    """Return the layers after the first, each whole, as PNG."""
    return [export.whole_layer_png(image, layer, _REFERENCE_EDGE) for layer in layers[1:]]


def write_job(
    job: Job, task: Task, options: Options, *, interactive: bool = False, max_wait: float | None = None
) -> None:
    """Write the pictures, the mask and, last, `job.json` into the job folder.

    In an `interactive` job the worker prepares partial images for the canvas, and a locked key store may ask for its
    password. `max_wait` is the number of seconds that the worker may wait for a rate limit in all; None: it gives up
    after a few retries.
    """
    exported = task.export(job)
    names = [f"image-{number}.png" for number in range(1, len(exported.pictures) + 1)]
    for name, picture in zip(names, exported.pictures, strict=True):
        job.write(name, picture)
    if exported.mask:
        job.write("mask.png", exported.mask)
    if exported.markup:
        job.write("markup.png", exported.markup)
    if exported.avoid:
        job.write("avoid.png", exported.avoid)
    request = dict(options.request) | {"size": str(task.plan.size)}
    if model := _model(options):
        request["model"] = model
    job.write_json("job.json", {
        "version": VERSION,
        "created": time.time(),
        "image": task.image_name,
        "provider": options.provider,
        "request": request,
        "prompt_addition": task.prompt_addition,
        "images": names,
        "references": list(options.references),
        "mask": "mask.png" if exported.mask or options.mask else None,
        "mask_from": options.mask or None,
        "mask_grow": round((options.grow + mask_margin(options, task.plan)) * task.plan.scale),
        "markup": "markup.png" if exported.markup else None,
        "avoid": "avoid.png" if exported.avoid else None,
        "layer_mask": exported.layer_mask,
        "plan": task.plan.to_json(),
        "fit": options.fit,
        "match_colour": options.match_colour,
        "light": options.light,
        "detail": options.detail,
        "change_mask": options.change_mask,
        "refines": task.refines,
        "previews": interactive,
        "interactive": interactive,
        "max_cost": options.max_cost,
        "timeout": options.timeout,
        "patience": max_wait,
        "record": edit_record(options, task.sources),
    })  # fmt: skip


def _export(
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    plan: frame.Plan,
    selection: Selection,
    not_sent: tuple[Gimp.Layer | None, Gimp.Layer | None],
    job: Job,
) -> Exported:
    """Export the pictures and the mask; the selection's values go into the job folder, too.

    `not_sent` are the layers that are no part of what is visible: an earlier result, and the markup.
    """
    first = first_picture(job, image, layers, options, plan, plan.frame, not_sent)
    pictures = [first, *reference_pictures(image, layers)]
    _replaced, layer = not_sent
    markup = export.markup_png(image, layer, plan) if layer else None
    layer_mask = {"grow": options.grow, "feather": options.feather} if options.grow or options.feather else None
    avoid = export.avoid_png(image, plan.frame, plan)
    if options.mask:
        return Exported(pictures, layer_mask=layer_mask, markup=markup, avoid=avoid)
    if selection.bounds is None:
        return Exported(pictures, markup=markup, avoid=avoid)
    mask = export.mask_png(selection, plan, options.grow + mask_margin(options, plan))
    # For the layer mask of the result: when it arrives, the image's selection may be a different one.
    job.write(SELECTION, selection.values(plan.frame))
    return Exported(pictures, mask, layer_mask, markup, avoid)


def mask_margin(options: Options, plan: frame.Plan) -> int:
    """Return by how many pixels of the canvas the provider's masks are larger than the selection."""
    return round(settings.provider(options.provider).mask_margin / plan.scale)


def _grown(selected: Rect | None, canvas: Size, grow: int) -> Rect | None:
    """Return the selected rectangle grown by `grow` pixels within the canvas."""
    if selected is None or not grow:
        return selected
    return selected.grow(grow).intersect(_whole(canvas))


def _whole(canvas: Size) -> Rect:
    return Rect(0, 0, canvas.width, canvas.height)


def _model(options: Options) -> str:
    """Return the name of the model to send; "" where the server chooses it."""
    try:
        return settings.provider(options.provider).model_name(options.model)
    except ValueError as error:
        raise BadArguments([str(error)]) from None


def size_rule(options: Options) -> models.SizeRule:
    """Return the sizes that the options' model has at their provider."""
    rule = models.get(_model(options)).sizes
    return settings.provider(options.provider).sizes(rule)


def requested_size(options: Options) -> Size | None:
    """Return the size that the options ask for; None for one that the frame decides. Raises BadArguments."""
    size = options.request.get("size")
    if not size or size == "auto":
        # With "auto" the endpoint would choose the aspect, which need not be the frame's.
        return None
    width, _cross, height = size.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise BadArguments([_("size {size!r}: must be WIDTHxHEIGHT, in pixels.").format(size=size)])
    return Size(int(width), int(height))
