"""What a provider and a model can do, what a typical edit costs, how long the last took, the models: as sentences."""

import os
import statistics

from lib.api import models
from lib.api.providers import Provider
from lib.api.request import EditRequest
from lib.jobs import history
from lib.settings import provider_tests, spending
from lib.translation import _, ngettext

_SIZE = (1024, 1024)
_QUALITY = "medium"
_MOST_JOBS = 100
_MOST_EDITS = 10
_MOST_NAMES = 8


def describe(provider: Provider, model_name: str) -> str:
    """Return what an edit costs, whether masks, several images and previews work, the usual time, and the models."""
    model = models.get(model_name)
    sentences = (_price(provider, model), *_abilities(provider, model), _duration(provider), _models(provider))
    return " ".join(filter(None, sentences))


def _price(provider: Provider, model: models.Model) -> str:
    request = EditRequest([b""], "remove the lamp post", model=model.name, quality=_QUALITY, size="1024x1024")
    expected = spending.estimate(provider.name, request, model, [_SIZE], _SIZE)
    if expected is None:
        return _("The cost of an edit is unknown.")
    text = _("A typical edit (1024×1024, medium quality) costs about {cost}.")
    return text.format(cost=expected)


def _abilities(provider: Provider, model: models.Model) -> tuple[str, ...]:
    limits = [most for most in (provider.max_images, model.max_images) if most is not None]
    most = min(limits, default=0)
    if most == 1:
        images = _("It takes a single image, so no references.")
    elif most:
        images = ngettext("It takes up to {n} image.", "It takes up to {n} images.", most).format(n=most)
    else:
        images = _("It takes several images.")
    return (
        _("It ignores masks.") if provider.ignores_mask else _("It takes masks."),
        images,
        _("It sends previews.") if provider.streams and model.streams else _("It sends no previews."),
        _without_effect(provider),
    )


def _without_effect(provider: Provider) -> str:
    """Return which fields the provider ignores or refuses, beside those that have a sentence of their own; or ""."""
    fields = [name for name in (*provider.ignored, *provider.rejected) if name not in ("mask", "partial_images")]
    return _("It ignores or refuses: {fields}.").format(fields=", ".join(fields)) if fields else ""


def _duration(provider: Provider) -> str:
    """Return the median time of the last edits with the provider; "" without any."""
    seconds = history.request_seconds(provider.name, jobs=_MOST_JOBS)[:_MOST_EDITS]
    if not seconds:
        return ""
    text = ngettext("The last edit took {time:.0f} s.", "The last {n} edits took {time:.0f} s (median).", len(seconds))
    return text.format(n=len(seconds), time=statistics.median(seconds))


def _models(provider: Provider) -> str:
    """Return the first of the models that the provider listed last, image models first; "" if it never did."""
    base_url = provider.resolve_url(None, os.environ)
    date, names = provider_tests.listed_models(provider.name, base_url) if base_url else ("", [])
    if not names:
        return ""
    first, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    if more <= 0:
        return _("Its models on {date}: {names}.").format(date=date, names=first)
    text = ngettext("Its models on {date}: {names} and {n} more.", "Its models on {date}: {names} and {n} more.", more)
    return text.format(date=date, names=first, n=more)
