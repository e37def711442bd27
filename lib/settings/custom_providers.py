"""The user's own providers: an address and a title over the dialect of a built-in one.

An entry is data that anybody may have written: {"title", "like", "base_url", "model", "api_version"}. It holds no key,
and the environment's keys and addresses, which are for the built-in providers, are never used with it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from lib.api import providers
from lib.api.address import base_url_problem
from lib.api.providers import Provider
from lib.translation import _

Entry = Mapping[str, str]

LIKE = tuple(name for name in providers.names() if name != "local")
"""The dialects that an own provider can have; the built-in engine has no address that could be changed."""

FIELDS = ("title", "like", "base_url", "model", "api_version")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_API_VERSION = re.compile(r"[A-Za-z0-9._-]{0,40}")
_LONGEST = {"title": 60, "like": 40, "base_url": 2000, "model": 200, "api_version": 40}


def checked_name(name: object) -> str:
    """The name as it stands for a provider; raises ValueError with a sentence."""
    if isinstance(name, str) and name in providers.names():
        raise ValueError(_("The provider “{name}” is built in. Choose another name.").format(name=name))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        told = _("A provider cannot be named “{name}”. Use up to 40 small letters, digits, dots and hyphens.")
        raise ValueError(told.format(name=str(name)[:60]))
    return name


def new_name(title: str, taken: Mapping[str, object]) -> str:
    """A name for a provider of this title that no other has: "My server" is "my-server"."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:30] or "provider"
    name, number = plain, 1
    while name in taken or name in providers.names():
        number += 1
        name = f"{plain}-{number}"
    return name


def checked_entry(name: str, entry: object) -> Entry:
    """The entry with each field; raises ValueError, with a sentence, for what cannot be."""
    if not isinstance(entry, Mapping):
        raise ValueError(_("The provider “{name}” cannot be used: it is no object.").format(name=name))
    values = {field: _text(name, field, entry.get(field, "")) for field in FIELDS}
    values["title"] = values["title"] or name
    if values["like"] not in LIKE:
        told = _("The provider “{name}” cannot be used: it must be like one of {names}.")
        raise ValueError(told.format(name=name, names=", ".join(LIKE)))
    wrong = base_url_problem(values["base_url"], providers.get(values["like"]))
    if wrong:
        raise ValueError(_("The provider “{name}” cannot be used: {problem}.").format(name=name, problem=wrong))
    if not _API_VERSION.fullmatch(values["api_version"]):
        told = _("The provider “{name}” cannot be used: “{version}” is no API version.")
        raise ValueError(told.format(name=name, version=values["api_version"]))
    return values


def as_provider(name: str, entry: Entry) -> Provider:
    """The provider that a checked entry stands for."""
    base = providers.get(entry["like"])
    version = entry["api_version"]
    return replace(
        base,
        name=name,
        title=entry["title"],
        base_url=entry["base_url"],
        default_model=entry["model"] or base.default_model,
        key_variables=(),
        url_variables=(),
        api_versions={shape: version or known for shape, known in base.api_versions.items()},
    )


def _text(name: str, field: str, value: object) -> str:
    text = value.strip() if isinstance(value, str) else None
    if text is None or len(text) > _LONGEST[field] or not text.isprintable():
        told = _("The provider “{name}” cannot be used: its {field} cannot be used.")
        raise ValueError(told.format(name=name, field=field))
    return text
