"""The small pictures of the list and the sizes of all pictures, made by the worker as they are needed.

A few hundred small pictures are held in memory, however many the folder has. Pictures that only GIMP can open, such as
XCF files, are opened in GIMP while the window is idle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gi.repository import GdkPixbuf, GLib

from lib.frame.geometry import Rect, Size
from lib.storage.file_identity import readable_name
from lib.translation import _
from plugin.errors import BadArguments, EditFailed, file_error_message
from plugin.folder.arguments import CHANNEL, InputPicture, RunSpec
from plugin.folder.expected import Measure
from plugin.folder.picture import layers_to_send, opened, select_mask
from plugin.folder.pictures import is_file, mask_beside
from plugin.pixels.export import ImageSelection
from plugin.ui import thumbnails
from plugin.worker.process import Event
from plugin.worker.workers import Workers

EDGE = 72
HEIGHT = 54
_MOST_HELD = 300
_MOST_WAITING = 40
_AT_A_TIME = 2
_MEASURED_AT_A_TIME = 50
_GIMP_ONLY = (".xcf", ".psd", ".ora", ".exr", ".hdr", ".heic", ".heif", ".jxl")
Key = tuple[str, Path]
"""The name of a picture in the list, and the file that is shown: the picture itself or a result."""


@dataclass(frozen=True)
class Preview:
    """A small picture, None where there is none, and what is written about its size and its mask."""

    picture: GdkPixbuf.Pixbuf | None
    size: Size | None = None
    mask: str = ""
    problem: str = ""


class Previews:
    """Makes previews and measures; `on_ready` is called with the name of a picture that has a new one."""

    def __init__(self, workers: Workers, on_ready: Callable[[str], None], on_measured: Callable[[], None]) -> None:
        self.measures: dict[str, Measure] = {}
        self._workers = workers
        self._on_ready, self._on_measured = on_ready, on_measured
        self._spec: RunSpec | None = None
        self._pictures: dict[str, InputPicture] = {}
        self._held: OrderedDict[Key, Preview] = OrderedDict()
        self._waiting: OrderedDict[Key, None] = OrderedDict()
        self._running: set[Key] = set()
        self._unmeasured: list[InputPicture] = []
        self._is_measuring = False
        self._generation = 0
        self._gimp_source = 0
        self._for_gimp: OrderedDict[Key, None] = OrderedDict()

    def follow(self, spec: RunSpec) -> None:
        """Show the pictures of another run; what is known of a picture stays if its mask is the same."""
        if self._spec is None or _mask_key(self._spec) != _mask_key(spec):
            self._generation += 1
            self.measures = {}
            self._held.clear()
            self._waiting.clear()
            self._for_gimp.clear()
            self._pictures = {picture.name: picture for picture in spec.pictures}
            self._unmeasured = [picture for picture in spec.pictures if not _needs_gimp(spec, picture)]
        self._spec = spec
        self._measure_more()

    def of_picture(self, name: str) -> Preview | None:
        """Return the preview of a picture of the list; None if it is still to be made."""
        return self._get((name, self._spec.source / name)) if self._spec else None

    def of_result(self, name: str, file: Path) -> Preview | None:
        """Return the preview of a result; None if it is still to be made."""
        return self._get((name, file))

    def forget_result(self, name: str, file: Path) -> None:
        """Drop the preview of a result, whose file has been written again."""
        self._held.pop((name, file), None)

    def close(self) -> None:
        """Make no more previews."""
        self._generation += 1
        self._spec = None
        if self._gimp_source:
            GLib.source_remove(self._gimp_source)
            self._gimp_source = 0

    def _get(self, key: Key) -> Preview | None:
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        if key not in self._running and key not in self._for_gimp:
            self._waiting[key] = None
            self._waiting.move_to_end(key)
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popitem(last=False)  # it is requested again when it is next visible
            self._request_more()
        return None

    def _request_more(self) -> None:
        """Request the previews that were asked for last first, as these are visible now."""
        while self._waiting and len(self._running) < _AT_A_TIME and self._spec:
            key, _none = self._waiting.popitem()
            name, file = key
            is_source = file == self._spec.source / name
            if is_source and _needs_gimp(self._spec, self._pictures[name]):
                self._make_in_gimp_later(key)
                continue
            self._running.add(key)
            message = _message(self._spec, self._pictures[name]) if is_source else _result_message(file)
            on_answer = partial(self._on_preview, key, is_source, self._generation)
            self._workers.ask("preview-picture", on_answer, **message, edge=EDGE)

    def _on_preview(self, key: Key, is_source: bool, generation: int, answer: Event) -> None:
        self._running.discard(key)
        if generation == self._generation and self._spec:
            if "error" in answer:  # the worker has ended
                self._hold(key, Preview(None))
            elif "rgb" not in answer and is_source:
                self._make_in_gimp_later(key)
            else:
                self._hold(key, _preview_of(self._spec, self._pictures[key[0]], answer, is_source))
                if is_source:
                    self._add_measure(key[0], answer)
        self._request_more()
        self._measure_more()

    def _hold(self, key: Key, preview: Preview) -> None:
        self._held[key] = preview
        while len(self._held) > _MOST_HELD:
            self._held.popitem(last=False)
        self._on_ready(key[0])

    def _measure_more(self) -> None:
        """Let the worker measure some more pictures, unless previews are waiting."""
        if self._is_measuring or self._running or not self._unmeasured or not self._spec:
            return
        spec, generation, self._is_measuring = self._spec, self._generation, True
        batch = self._unmeasured[:_MEASURED_AT_A_TIME]
        del self._unmeasured[:_MEASURED_AT_A_TIME]
        messages = [_message(spec, picture) for picture in batch]
        self._workers.ask(
            "measure-pictures", lambda answer: self._on_measures(batch, generation, answer), pictures=messages
        )

    def _on_measures(self, batch: Sequence[InputPicture], generation: int, answer: Event) -> None:
        self._is_measuring = False
        if "error" in answer:
            self._unmeasured.clear()
        elif generation == self._generation and self._spec:
            for picture, measure in zip(batch, answer["pictures"], strict=True):
                if measure:
                    self._add_measure(picture.name, measure)
            self._on_measured()
        self._measure_more()

    def _add_measure(self, name: str, answer: Event) -> None:
        bounds = answer["mask"]["bounds"]
        self.measures[name] = Measure(Size(*answer["size"]), Rect.from_edges(*bounds) if bounds else None)

    def _make_in_gimp_later(self, key: Key) -> None:
        self._for_gimp[key] = None
        if not self._gimp_source:
            idle_add: Callable[..., int] = GLib.idle_add  # the stubs lack its argument
            self._gimp_source = idle_add(self._make_in_gimp, priority=GLib.PRIORITY_LOW)

    def _make_in_gimp(self) -> bool:
        """Open one picture in GIMP and close it again."""
        if not self._for_gimp or not self._spec:
            self._gimp_source = 0
            return GLib.SOURCE_REMOVE
        key, _none = self._for_gimp.popitem()
        if len(self._for_gimp) > _MOST_WAITING:
            self._for_gimp.popitem(last=False)
        self._hold(key, self._preview_in_gimp(self._spec, self._pictures[key[0]]))
        return GLib.SOURCE_CONTINUE

    def _preview_in_gimp(self, spec: RunSpec, picture: InputPicture) -> Preview:
        try:
            options = spec.options_of(picture)
            with opened(spec.path(picture)) as image:
                size = Size(image.get_width(), image.get_height())
                layers = layers_to_send(image, options.edit)
                try:
                    used, problem = select_mask(image, options.mask, mask_beside(spec.source, picture.name), layers), ""
                except EditFailed as error:
                    used, problem = "none", str(error)
                small = thumbnails.of_selected(image, Size(EDGE, HEIGHT))
                self.measures[picture.name] = Measure(size, ImageSelection(image).bounds)
        except (EditFailed, BadArguments) as error:
            return Preview(None, problem=str(error))
        except OSError as error:
            return Preview(None, problem=file_error_message(error))
        return Preview(small, size, _mask_text(spec, picture, used), problem)


def _mask_of(spec: RunSpec, picture: InputPicture) -> str:
    return str(picture.values.get("mask", spec.values["mask"])).strip()


def _mask_key(spec: RunSpec) -> tuple[object, ...]:
    """Return what the previews of a run depend on."""
    return spec.source, spec.values["mask"], [(picture.name, picture.values.get("mask")) for picture in spec.pictures]


def _needs_gimp(spec: RunSpec, picture: InputPicture) -> bool:
    mask = _mask_of(spec, picture)
    return picture.name.lower().endswith(_GIMP_ONLY) or mask == "selection" or mask.startswith(CHANNEL)


def _message(spec: RunSpec, picture: InputPicture) -> dict[str, object]:
    """Return the worker's description of a picture; the mask is the one that `select_mask` would use."""
    mask, beside = _mask_of(spec, picture), mask_beside(spec.source, picture.name)
    has_file = mask == "file" or (not mask and is_file(beside))
    return {
        "file": str(spec.path(picture)),
        "mask": str(beside) if has_file else None,
        "alpha": mask in ("", "alpha"),
    }


def _result_message(file: Path) -> dict[str, object]:
    return {"file": str(file), "mask": None, "alpha": False}


def _preview_of(spec: RunSpec, picture: InputPicture, answer: Event, is_source: bool) -> Preview:
    small = thumbnails.of_answer(answer, Size(EDGE, HEIGHT))
    if not is_source or small is None:
        return Preview(small)
    used, problem = answer["mask"]["source"] or "none", answer["problem"]
    if used == "none" and _mask_of(spec, picture) == "alpha":
        problem = _("The picture has no transparent area. Erase the area to fill, or choose another mask.")
    return Preview(small, Size(*answer["size"]), _mask_text(spec, picture, used), problem)


def _mask_text(spec: RunSpec, picture: InputPicture, mask: str) -> str:
    """Return where a mask comes from, for the user."""
    if mask == "file":
        return readable_name(mask_beside(spec.source, picture.name).name)
    if mask.startswith(CHANNEL):
        return _("channel “{name}”").format(name=mask.removeprefix(CHANNEL))
    texts = {"selection": _("saved selection"), "alpha": _("transparent area"), "none": _("whole picture")}
    return texts[mask]
