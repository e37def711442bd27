"""All that is wrong with an edit's arguments, found before anything is exported or sent, and named at once."""

import os
import re
from collections.abc import Mapping
from typing import Any

from lib import settings
from lib.api import models
from lib.api.address import environment_problem
from lib.api.request import EditRequest
from lib.api.text import sentence
from lib.api.validation import parameter_problems
from lib.translation import _
from plugin.options import BadArguments, Options, look_at

_NUMBERS = ("n", "output-compression", "partial-images")
_SIZE = re.compile(r"auto|[0-9]{1,5}x[0-9]{1,5}")


def checked(values: Mapping[str, Any], more: list[str] | None = None) -> Options:
    """The options that the values stand for; raises BadArguments with every problem, after those in `more`."""
    options, problems = problems_of(values)
    if more or problems:
        raise BadArguments([*(more or ()), *problems])
    return options


def problems_of(values: Mapping[str, Any]) -> tuple[Options, list[str]]:
    """The options as far as they can be read, and what is wrong with them, for their provider and model too."""
    options, problems = look_at(values)
    try:
        provider = settings.provider(options.provider)
    except ValueError as error:
        return options, [*problems, str(error)]
    address = environment_problem(provider, os.environ)
    if address:
        problems = [*problems, sentence(str(address))]
    model = models.get(options.model or provider.default_model or "")
    request = EditRequest(images=(), **options.request)
    # A number that is no argument's at all is told already.
    told = {name.replace("-", "_") for name in _NUMBERS if _is_told(name, problems)}
    problems += [sentence(str(problem)) for problem in parameter_problems(request, model) if problem.field not in told]
    size = options.request.get("size", "auto")
    if not model.known and not _SIZE.fullmatch(size):
        problems.append(_("size {size!r}: must be WIDTHxHEIGHT, in pixels.").format(size=size))
    return options, problems


def _is_told(name: str, problems: list[str]) -> bool:
    return any(problem.startswith(f"{name} ") for problem in problems)
