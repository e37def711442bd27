"""Custom providers: a title and an address, with the API dialect of a built-in provider.

An entry is untrusted input: {"title", "like", "base_url", "model", "api_version"}, where "like" names the built-in
provider. It contains no key, and the keys and addresses in the environment, which are for the built-in providers, are
never used with it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from lib.api import providers
from lib.api.address import base_url_problem
from lib.api.models import is_official
from lib.api.providers import Provider, host_of
from lib.translation import _

Entry = Mapping[str, str]

DIALECTS = tuple(name for name in providers.names() if name != "local")
"""The built-in providers that a custom one can be like; the built-in engine has no address to change."""

RESERVED = (
    "openai", "azure", "local", "vllm-omni", "sglang", "sd-cpp", "lemonade", "xinference", "litellm", "custom",
)  # fmt: skip
"""The built-in providers of the first version. A custom provider keeps its name if a built-in one gets it later."""

FIELDS = ("title", "like", "base_url", "model", "api_version")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_API_VERSION = re.compile(r"[A-Za-z0-9._-]{0,40}")
_LONGEST = {"title": 60, "like": 40, "base_url": 2000, "model": 200, "api_version": 40}


def validate_name(name: object, *, is_new: bool = True) -> str:
    """Return the name of a custom provider; raise ValueError with a sentence for the user if it is invalid.

    A new one may have no built-in provider's name.
    """
    if isinstance(name, str) and name in (providers.names() if is_new else RESERVED):
        raise ValueError(_("The provider “{name}” is built in. Choose another name.").format(name=name))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = _("A provider can't be named “{name}”. Use up to 40 lowercase letters, digits, dots and hyphens.")
        raise ValueError(text.format(name=str(name)[:60]))
    return name


def new_name(title: str, taken: Mapping[str, object]) -> str:
    """Return an unused name for a provider with this title, such as "my-server" for "My server"."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:30] or "provider"
    name, number = base, 1
    while name in taken or name in providers.names():
        number += 1
        name = f"{base}-{number}"
    return name


def validate_entry(name: str, entry: object) -> Entry:
    """Return the entry with every field; raise ValueError with a sentence for the user if it is invalid."""
    if not isinstance(entry, Mapping):
        raise ValueError(_("The provider “{name}” can't be used: it is not a JSON object.").format(name=name))
    values = {field: _text(name, field, entry.get(field, "")) for field in FIELDS}
    values["title"] = values["title"] or name
    if values["like"] not in DIALECTS:
        text = _("The provider “{name}” can't be used: it must be like one of {names}.")
        raise ValueError(text.format(name=name, names=", ".join(DIALECTS)))
    problem = base_url_problem(values["base_url"], providers.get(values["like"]))
    if problem:
        raise ValueError(_("The provider “{name}” can't be used: {problem}.").format(name=name, problem=problem))
    if not _API_VERSION.fullmatch(values["api_version"]):
        text = _("The provider “{name}” can't be used: “{version}” is not an API version.")
        raise ValueError(text.format(name=name, version=values["api_version"]))
    return values


def build_provider(name: str, entry: Entry) -> Provider:
    """Return the provider described by a valid entry.

    One that is like OpenAI elsewhere gets `user`, which is older and known to more servers.
    """
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
        safety_identifier=base.safety_identifier and is_official(host_of(entry["base_url"])),
        api_versions={shape: version or default for shape, default in base.api_versions.items()},
    )


def _text(name: str, field: str, value: object) -> str:
    text = value.strip() if isinstance(value, str) else None
    if text is None or len(text) > _LONGEST[field] or not text.isprintable():
        message = _("The provider “{name}” can't be used: its {field} is not valid.")
        raise ValueError(message.format(name=name, field=field))
    return text
