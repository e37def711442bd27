"""What a click on Generate would send now: the frame, the size, the cost, or why it cannot be sent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from gi.repository import Gimp

from lib import settings
from lib.api import models
from lib.api.address import environment_problem
from lib.api.cost import Cost
from lib.api.models import Model
from lib.api.providers import Provider
from lib.api.text import sentence
from lib.translation import _
from plugin.edit import prepare
from plugin.estimate import estimate
from plugin.options import BadArguments, Options
from plugin.selection import Selection
from plugin.task import Task

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


@dataclass(frozen=True)
class Draft:
    """An edit that can be sent; `cost` is None where it is not known."""

    image: Gimp.Image
    layers: Sequence[Gimp.Layer]
    options: Options
    task: Task
    provider: Provider
    model: Model
    cost: Cost | None

    @property
    def host(self) -> str:
        """Where the pictures would go; empty where they stay on this computer."""
        host = self._address.hostname or ""
        return "" if self.provider.name == "local" or host in _LOOPBACK else host

    @property
    def receiver(self) -> str:
        """Who would get the pictures, in a question: a server that was only named by its address has no title."""
        return self._address.netloc.rpartition("@")[2] if self.provider.name == "custom" else self.provider.title

    @property
    def _address(self) -> SplitResult:
        return urlsplit(self.provider.resolve_url(None, os.environ) or "")


def draft(
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    options: Options,
    selection: Selection | None = None,
    replaced: Gimp.Layer | None = None,
) -> Draft:
    """What the options stand for on this image; raises BadArguments or EditFailed where it cannot be sent.

    For `selection` and `replaced` see `plugin.edit.prepare`.
    """
    provider, model = chosen(options)
    problem = environment_problem(provider, os.environ)
    if problem:
        raise BadArguments([sentence(str(problem))])
    task = prepare(image, layers, options, selection, replaced)
    return Draft(image, layers, options, task, provider, model, estimate(options, task, model, len(layers)))


def chosen(options: Options) -> tuple[Provider, Model]:
    """The provider and the model that would be asked; raises BadArguments where there is no such provider."""
    try:
        provider = settings.provider(options.provider)
    except ValueError as error:
        raise BadArguments([str(error)]) from None
    return provider, models.get(options.model or provider.default_model or "")


def in_words(cost: Cost | None) -> str:
    """A cost as the panel shows it."""
    if cost is None:
        return _("cost not known")
    return _("free") if cost.high == 0 else _("about {cost}").format(cost=cost)

