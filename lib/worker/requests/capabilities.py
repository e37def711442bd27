"""What a provider and a model can do, what a typical edit costs, and how long the last ones took, as sentences."""

import statistics

from lib.api import cost, models
from lib.api.providers import Provider
from lib.api.request import EditRequest
from lib.jobs import history
from lib.translation import _, ngettext

_SIZE = (1024, 1024)
_QUALITY = "medium"
_MOST_JOBS = 100
_MOST_EDITS = 10


def describe(provider: Provider, model_name: str) -> str:
    """Return what a typical edit costs, whether masks, several images and previews work, and the usual time."""
    model = models.get(model_name)
    return " ".join(filter(None, (_price(model), *_abilities(provider, model), _duration(provider))))


def _price(model: models.Model) -> str:
    request = EditRequest([b""], "remove the lamp post", model=model.name, quality=_QUALITY, size="1024x1024")
    expected = cost.estimate(request, model, [_SIZE], _SIZE)
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
    )


def _duration(provider: Provider) -> str:
    """Return the median time of the last edits with the provider; "" without any."""
    seconds = history.request_seconds(provider.name, jobs=_MOST_JOBS)[:_MOST_EDITS]
    if not seconds:
        return ""
    text = ngettext("The last edit took {time:.0f} s.", "The last {n} edits took {time:.0f} s (median).", len(seconds))
    return text.format(n=len(seconds), time=statistics.median(seconds))
