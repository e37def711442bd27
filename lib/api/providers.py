"""Who speaks the image-edit API, and each one's dialect, read from providers.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lib.translation import _


@dataclass(frozen=True)
class Provider:
    """One provider's dialect.

    `auth` is "bearer", "api-key" (a header of that name) or "none". `ignored` maps a field to what happens
    instead (it is still sent), `rejected` maps a field to why it isn't sent; a key may be `field=value` for
    one value only. `mask_reads` is "alpha" (0 is edited), "luminance" (white is edited) or "nothing".
    `mask_margin` is by how many pixels the mask is grown beyond the selection: models work in blocks of pixels and
    blend there; 0 where the endpoint changes exactly what is masked, as any margin would then only be cut off.
    `single_part` and `several_part` name the image parts. `references` is "json", "parts" (URLs as form
    parts) or "none". `answers` are the response formats that it has. `sends` holds fields that are sent
    unless the request sets them.
    """

    name: str
    title: str
    base_url: str | None
    default_model: str | None
    needs_model: bool
    auth: str
    needs_key: bool
    key_variables: tuple[str, ...]
    url_variables: tuple[str, ...]
    ignored: Mapping[str, str]
    rejected: Mapping[str, str]
    mask_reads: str
    mask_part: str
    mask_margin: int
    single_part: str
    several_part: str
    references: str
    max_images: int | None
    streams: bool
    n_works: bool
    files: bool
    answers: tuple[str, ...]
    sends: Mapping[str, Any]
    api_versions: Mapping[str, str]

    def model_name(self, chosen: str | None) -> str:
        """Return the name of the model to use: the chosen one, else the default; "" where there is neither."""
        return chosen or self.default_model or ""

    def note_for(self, table: Mapping[str, str], name: str, value: Any) -> str | None:
        """Look a field up in `ignored` or `rejected`: by name, else by name and value."""
        note = table.get(name) or table.get(f"{name}={value}")
        return _(note) if note else None

    def resolve_url(self, base_url: str | None, environment: Mapping[str, str]) -> str | None:
        """Return the base URL to use: the one given, else from the environment, else the provider's own."""
        named = next((environment[name] for name in self.url_variables if environment.get(name)), None)
        url = base_url or named or self.base_url
        return url.strip() if url else None


def names() -> list[str]:
    """Return the names of all providers, in the data file's order."""
    return list(_data()["providers"])


def get(name: str) -> Provider:
    """Return the provider of this name; raise `ValueError` that lists the names when there is none."""
    entry = _data()["providers"].get(name)
    if entry is None:
        known = ", ".join(names())
        raise ValueError(_("There is no provider {name!r}; the providers are {known}.").format(name=name, known=known))
    merged = _data()["common"] | entry
    merged |= {key: tuple(merged[key]) for key in ("key_variables", "url_variables", "answers")}
    return Provider(name=name, **merged | {"title": _(merged["title"])})


def host_of(url: str) -> str:
    """Return a URL's host and port, lower case ("127.0.0.1:8000"); the port only where it was given.

    Return "" for what is no URL.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    return f"{host}:{port}" if port else host


@cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("providers.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
