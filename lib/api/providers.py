"""The providers of the image-edit API and their dialects, read from providers.json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.api import hosts, models
from lib.api.models import FreeSize, SizeRule
from lib.translation import _


@dataclass(frozen=True)
class Provider:
    """A provider's dialect; providers.schema.json describes the same fields for editors.

    `edits_path` and `models_path` follow the base URL. `encoding` names how a request becomes a body: "openai" or one
    of the others in `lib.api.dialect`. `auth` is "bearer", "api-key" (a header of that name) or "none". `ignored` maps
    a field that is sent without effect to what happens instead, and `rejected` maps a field that isn't sent to the
    reason; a key may be `field=value` for a single value. `mask_reads` is "alpha" (0 is edited), "luminance" (white is
    edited) or "nothing". `mask_margin` is
    the number of pixels by which the mask is grown beyond the selection, since models work in blocks of pixels and
    blend there; it is 0 if the endpoint changes exactly the masked pixels, where a margin would only be cut off again.
    `mask_part`, `single_part` and `several_part` are the names of the form's parts; a mask without a name is not sent.
    `references` is "json" (URLs and file IDs, in OpenAI's JSON body), "urls" or "none". `size_multiple` is set if the
    server rounds the sides of an image up to it. `concurrency` is the number of requests that a window sends at once.
    `safety_identifier` says whether `user` is sent under the name that the model has for it.
    `extra_fields` are sent unless the request sets them. In providers.json, `default_model` may be "recommended", for
    the newest model that models.json recommends.
    """

    name: str
    title: str
    base_url: str | None
    edits_path: str
    models_path: str
    encoding: str
    default_model: str | None
    needs_model: bool
    auth: str
    needs_key: bool
    key_variables: tuple[str, ...]
    url_variables: tuple[str, ...]
    ignored: Mapping[str, str]
    rejected: Mapping[str, str]
    mask_reads: str
    mask_part: str | None
    mask_margin: int
    single_part: str
    several_part: str
    references: str
    max_images: int | None
    size_multiple: int | None
    concurrency: int
    streams: bool
    supports_n: bool
    safety_identifier: bool
    response_formats: tuple[str, ...]
    extra_fields: Mapping[str, Any]
    api_versions: Mapping[str, str]

    def model_name(self, selected: str | None) -> str:
        """Return the selected model, or else the default, or else ""."""
        return selected or self.default_model or ""

    def sizes(self, rule: SizeRule) -> SizeRule:
        """Return a model's rule for sizes, with sides that this provider doesn't round up."""
        if self.size_multiple is None or not isinstance(rule, FreeSize):
            return rule
        return replace(rule, multiple=math.lcm(rule.multiple, self.size_multiple))

    @property
    def ignores_mask(self) -> bool:
        """Whether the mask has no effect, so that the whole frame is redrawn."""
        return self.mask_reads == "nothing"

    def note_for(self, table: Mapping[str, str], name: str, value: Any = None) -> str | None:
        """Return the translated entry of a field in `ignored` or `rejected`, by its name or by name and value."""
        note = table.get(name) or table.get(f"{name}={value}")
        return _(note) if note else None

    def resolve_url(self, base_url: str | None, environment: Mapping[str, str]) -> str | None:
        """Return `base_url`, or else the one in the environment, or else the provider's own."""
        from_environment = next((environment[name] for name in self.url_variables if environment.get(name)), None)
        url = base_url or from_environment or self.base_url
        return url.strip() if url else None


def names() -> list[str]:
    """Return the names of the providers in providers.json, in its order."""
    return list(_data()["providers"])


def get(name: str) -> Provider:
    """Return the provider of this name; raise `ValueError`, with a message that lists all names, if there is none."""
    entry = _data()["providers"].get(name)
    if entry is None:
        listed = ", ".join(names())
        raise ValueError(_("There is no provider {name!r}; the providers are {names}.").format(name=name, names=listed))
    merged = _data()["common"] | entry
    if merged["default_model"] == "recommended":
        merged["default_model"] = models.recommended()
    merged |= {key: tuple(merged[key]) for key in ("key_variables", "url_variables", "response_formats")}
    return Provider(name=name, **merged | {"title": _(merged["title"])})


def host_of(url: str) -> str:
    """Return the host of a URL, normalized, with the port if it has one ("127.0.0.1:8000"); "" for an invalid URL."""
    try:
        parts = urlsplit(url)
        host, port = hosts.normalize(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    return f"{host}:{port}" if port else host


@cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("providers.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
