"""One edit of what is selected: what is sent, and where the result goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp

from lib.frame import frame
from lib.frame.geometry import Rect, Size
from lib.jobs.job import SELECTION, Job
from lib.settings import settings
from lib.translation import _
from plugin.edit.options import Options
from plugin.edit.task import Exported, Outcome, Progress, Task, plan_frame, run
from plugin.errors import EditFailed
from plugin.pixels import export
from plugin.pixels.insert import place_above
from plugin.pixels.selection import Selection

MOST_IMAGES = 16
# Models look at about this many pixels of a picture's longer side.
_REFERENCE_EDGE = 2048


def edit(image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options, python: str, progress: Progress) -> Outcome:
    """Edits the first layer (or what is visible) where the selection is, the other layers being references.

    Raises BadArguments, EditFailed or EditCancelled; the image is then as it was.
    """
    return run(image, prepare(image, layers, options), options, python, progress)


def prepare(
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    selection: Selection | None = None,
    replaced: Gimp.Layer | None = None,
) -> Task:
    """What such an edit would send, and where its results would go; nothing is exported yet.

    `selection` counts instead of the image's own. `replaced` is an earlier result: it is not sent with what is visible,
    and hides when the new one comes. Raises BadArguments or EditFailed.
    """
    check(image, layers, options)
    selection = selection or export.ImageSelection(image)
    canvas = Size(image.get_width(), image.get_height())
    home = Rect(0, 0, *_sides(canvas)) if options.sample_merged else export.layer_rect(layers[0])
    plan = plan_frame(canvas, _grown(selection.bounds, canvas, options.grow), home, options)
    place = place_above(image, None if options.sample_merged else layers[0], plan.frame)
    prepared = _Edit(image, layers, options, plan, selection, replaced)
    made_of = sources(image, layers, options) | {"selected": selection.bounds is not None}
    return Task(plan, replace(place, replaced=replaced), prepared.export, made_of, selection)


def sources(image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options) -> dict[str, Any]:
    """Which layers the edit is made from, by name and by the number that the image keeps for each; and its canvas."""
    named = [{"name": layer.get_name(), "tattoo": layer.get_tattoo()} for layer in layers]
    references = {"layers": named[1:], "others": len(options.references)}
    return {"canvas": [image.get_width(), image.get_height()], "edited": named[0], "references": references}


def check(image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options) -> None:
    """Raises EditFailed for what cannot be done, before anything is exported."""
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
            _("{count} pictures would be sent, and {most} are the most. Select fewer layers.").format(
                count=count, most=MOST_IMAGES
            )
        )


def check_quick_mask(image: Gimp.Image) -> None:
    """Raises EditFailed while the selection is being painted: it may be shown inverted, which GIMP does not tell."""
    if export.quick_mask_is_on(image):
        raise EditFailed(
            _("Quick Mask is on, so GIMP reports no selection. Turn off Quick Mask (Shift+Q), then try again.")
        )


def _grown(selected: Rect | None, canvas: Size, grow: int) -> Rect | None:
    """What is to be changed, with what `grow` adds to it."""
    if selected is None or not grow:
        return selected
    return selected.grow(grow).intersect(Rect(0, 0, *_sides(canvas)))


def first_picture(
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    plan: frame.Plan,
    area: Rect,
    without: Gimp.Layer | None = None,
) -> bytes:
    """The picture to edit: the first layer, or what is visible `without` one, in `area` of the canvas."""
    if options.sample_merged:
        return export.visible_png(image, plan, area, without)
    return export.layer_png(image, layers[0], plan, area)


def reference_pictures(image: Gimp.Image, layers: Sequence[Gimp.Layer]) -> list[bytes]:
    """The layers after the first, whole, as pictures to look at."""
    return [export.whole_layer_png(image, layer, _REFERENCE_EDGE) for layer in layers[1:]]


@dataclass(frozen=True)
class _Edit:
    """An edit that was prepared; see `prepare`."""

    image: Gimp.Image
    layers: Sequence[Gimp.Layer]
    options: Options
    plan: frame.Plan
    selection: Selection
    replaced: Gimp.Layer | None

    def export(self, job: Job) -> Exported:
        """Read all that is sent; the selection's values go into the job's folder, too."""
        image, options, plan = self.image, self.options, self.plan
        first = first_picture(image, self.layers, options, plan, plan.frame, self.replaced)
        pictures = [first, *reference_pictures(image, self.layers)]
        if self.selection.bounds is None:
            return Exported(pictures)
        margin = round(settings.provider(options.provider).mask_margin / plan.scale)
        mask = export.mask_png(self.selection, plan, options.grow + margin)
        # For the result's layer mask: when it comes, the image's selection may be another one.
        job.write(SELECTION, self.selection.values(plan.frame))
        if not options.grow and not options.feather:
            return Exported(pictures, mask)
        return Exported(pictures, mask, {"grow": options.grow, "feather": options.feather})


def _sides(size: Size) -> tuple[int, int]:
    return size.width, size.height
