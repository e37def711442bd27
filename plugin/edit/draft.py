"""A draft: the edit that Generate would send now, with its frame, its size and its estimated cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from gi.repository import Gimp

from lib.api import models
from lib.api.cost import Cost
from lib.api.hosts import is_loopback
from lib.api.models import Model
from lib.api.providers import Provider
from lib.api.request import EditRequest
from lib.frame.geometry import Size
from lib.settings import settings, spending
from lib.translation import _, ngettext
from plugin.edit.options import Options, endpoint_problems
from plugin.edit.task import Task, prepare
from plugin.errors import BadArguments
from plugin.pixels.selection import Selection

_LARGEST_REFERENCE = (2048, 2048)


@dataclass(frozen=True)
class Draft:
    """An edit that is ready to be sent; `cost` is None where it is unknown."""

    image: Gimp.Image
    layers: Sequence[Gimp.Layer]
    options: Options
    task: Task
    provider: Provider
    model: Model
    cost: Cost | None

    @property
    def host(self) -> str:
        """The host that the pictures are sent to; "" where they stay on this computer."""
        return remote_host(self.provider)

    @property
    def receiver(self) -> str:
        """The name of who receives the pictures: the provider's title, or the address of one without a title."""
        return receiver(self.provider)


def remote_host(provider: Provider) -> str:
    """Return the host that a provider's pictures are sent to; "" where they stay on this computer."""
    host = _address(provider).hostname or ""
    return "" if provider.name == "local" or is_loopback(host) else host


def receiver(provider: Provider) -> str:
    """Return the name of who receives the pictures: the provider's title, or the address of one without a title."""
    return _address(provider).netloc.rpartition("@")[2] if provider.name == "custom" else provider.title


def _address(provider: Provider) -> SplitResult:
    return urlsplit(provider.resolve_url(None, os.environ) or "")


def draft(
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    selection: Selection | None = None,
    replaced: Gimp.Layer | None = None,
) -> Draft:
    """Return the draft of an edit of this image; raise BadArguments or EditFailed where it cannot be sent.

    For `selection` and `replaced` see `plugin.edit.task.prepare`.
    """
    provider, model = provider_and_model(options)
    if problems := endpoint_problems(options, provider, model):
        raise BadArguments(problems)
    task = prepare(image, layers, options, selection, replaced)
    return Draft(image, layers, options, task, provider, model, estimate(options, task, model, len(layers)))


def estimate(options: Options, task: Task, model: Model, layers: int) -> Cost | None:
    """Return the estimated cost, None where a price is unknown; references count with the largest possible size."""
    has_overlay = bool(options.markup) or task.selection is None or task.selection.bounds is not None
    return estimate_size(options, task.plan.size, model, layers, has_mask=has_overlay)


def estimate_size(options: Options, size: Size, model: Model, layers: int, *, has_mask: bool) -> Cost | None:
    """Return the estimated cost of an edit in which a picture of this size is sent, as `estimate` does."""
    first = (size.width, size.height)
    sizes = [first, *[_LARGEST_REFERENCE] * (layers - 1 + len(options.references))]
    fields = {name: value for name, value in options.request.items() if name != "size"}
    request = EditRequest(images=[b""] * len(sizes), size=str(size), **fields)
    return spending.estimate(options.provider, request, model, sizes, first if has_mask else None)


def provider_and_model(options: Options) -> tuple[Provider, Model]:
    """Return the provider and the model of the options; raise BadArguments for an unknown provider."""
    try:
        provider = settings.provider(options.provider)
    except ValueError as error:
        raise BadArguments([str(error)]) from None
    return provider, models.get(provider.model_name(options.model))


def cost_text(cost: Cost | None) -> str:
    """Return a cost as the panel shows it; "about" if the model's tokens aren't published."""
    if cost is None:
        return _("cost unknown")
    if cost.high == 0:
        return _("free")
    if cost.answers:
        text = ngettext("about {cost}, from your last edit", "about {cost}, from your last {n} edits", cost.answers)
        return text.format(cost=cost, n=cost.answers)
    return _("about {cost}").format(cost=cost) if cost.approximate else str(cost)
