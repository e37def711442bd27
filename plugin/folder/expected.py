"""The expected cost and duration of a run, from the sizes of its pictures, before any of them is opened in GIMP."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lib.api.cost import Cost
from lib.frame.geometry import Rect, Size
from lib.jobs import history
from plugin.edit.draft import estimate_size, provider_and_model
from plugin.edit.task import plan_frame
from plugin.errors import BadArguments, EditFailed
from plugin.folder.arguments import InputPicture, RunSpec

_LATEST_JOBS = 40


@dataclass(frozen=True)
class Measure:
    """The size of a picture, and the rectangle of its mask; None where the whole picture is edited."""

    size: Size
    selected: Rect | None


@dataclass(frozen=True)
class Expectation:
    """The expected cost in US dollars and the seconds of a run; None where they are unknown.

    `measured` of the pictures were measured; the others are assumed to be like them.
    """

    pictures: int
    measured: int
    low: float | None
    high: float | None
    seconds: float | None


class Estimator:
    """Estimates one run; pictures of the same size, mask and options are only estimated once."""

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._costs: dict[tuple[str, Measure], Cost | None] = {}
        self._seconds_by_model: dict[tuple[str, str], float | None] = {}

    def estimate(self, pictures: Sequence[InputPicture], measures: Mapping[str, Measure]) -> Expectation:
        """Return what editing these pictures is expected to cost, and how long it should take."""
        costs = [self._cost(picture, measures[picture.name]) for picture in pictures if picture.name in measures]
        valid = [cost for cost in costs if cost is not None]
        low = high = None
        if costs and len(valid) == len(costs):
            low, high = (
                total * len(pictures) / len(costs) for total in (sum(c.low for c in valid), sum(c.high for c in valid))
            )
        return Expectation(len(pictures), len(costs), low, high, self._seconds(pictures))

    def _cost(self, picture: InputPicture, measure: Measure) -> Cost | None:
        key = repr(sorted(picture.values.items())), measure
        if key not in self._costs:
            self._costs[key] = None
            with contextlib.suppress(EditFailed, BadArguments):  # the run reports it for this picture
                self._costs[key] = self._estimate(picture, measure)
        return self._costs[key]

    def _estimate(self, picture: InputPicture, measure: Measure) -> Cost | None:
        options = self._spec.options_of(picture).edit
        whole, selected = Rect(0, 0, measure.size.width, measure.size.height), measure.selected
        if selected and options.grow:
            selected = selected.grow(options.grow).intersect(whole)
        plan = plan_frame(measure.size, selected, whole, options)
        _provider, model = provider_and_model(options)
        return estimate_size(options, plan.size, model, 1, has_mask=selected is not None)

    def _seconds(self, pictures: Sequence[InputPicture]) -> float | None:
        if not pictures:
            return None
        with contextlib.suppress(BadArguments):
            options = self._spec.options_of(pictures[0]).edit
            provider, model = provider_and_model(options)
            seconds = self._request_seconds(provider.name, model.name)
            return None if seconds is None else seconds * len(pictures) / min(self._spec.concurrency, len(pictures))
        return None

    def _request_seconds(self, provider: str, model: str) -> float | None:
        """Return how long the latest requests with a provider and model took; None where there were none."""
        key = provider, model
        if key not in self._seconds_by_model:
            seconds = history.request_seconds(provider, model, jobs=_LATEST_JOBS)
            self._seconds_by_model[key] = median(seconds) if seconds else None
        return self._seconds_by_model[key]
