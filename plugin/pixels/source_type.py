"""The IPTC digital source type: what an image's XMP says about how the image came about.

The terms are those of http://cv.iptc.org/newscodes/digitalsourcetype/. GIMP passes metadata between processes as its
own XML, in which a tag is one element; only this tag is changed, and everything else stays byte for byte.
"""

import re
from html import escape, unescape

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = "trainedAlgorithmicMedia"
"""A trained model made the whole image."""
PARTLY_GENERATED = "compositeWithTrainedAlgorithmicMedia"
"""A trained model made a part of the image."""
EDITED = "humanEdits"
"""A person changed the image with tools that are not generative, such as the built-in engine."""

RECORD_KEY = "digital_source_type"
"""The key of a layer's record with the term for its image; without it, the image isn't marked."""

# How much a term says about a trained model. A term is only replaced by one that says more.
_STRENGTHS = {
    "digitalcapture": 0,
    "computationalcapture": 0,
    "negativefilm": 0,
    "positivefilm": 0,
    "print": 0,
    "screencapture": 0,
    "compositecapture": 0,
    "digitalcreation": 0,
    EDITED.lower(): 1,
    "compositesynthetic": 2,
    PARTLY_GENERATED.lower(): 2,
    "trainedalgorithmicdata": 3,  # C2PA's, for models that make other things than images
    GENERATED.lower(): 3,
}
_UNLISTED = 1
_NAME = "Xmp.iptcExt.DigitalSourceType"
_TAG = re.compile(rf'(<tag name="{re.escape(_NAME)}"[^>]*>)([^<]*)(</tag>)')
_END = "</metadata>"


def term_for(provider: str) -> str:
    """Return the term for an image with a result of this provider in a part of it."""
    return EDITED if provider == "local" else PARTLY_GENERATED


def value_in(metadata: str) -> str | None:
    """Return the tag's value in an image's metadata: the address of a term; None without one."""
    match = _TAG.search(metadata)
    return unescape(match[2]) if match else None


def with_value(metadata: str, value: str | None) -> str:
    """Return the metadata with this value of the tag, or without the tag for None."""
    match, start = _TAG.search(metadata), metadata.rfind(_END)
    if match and value is None:
        return metadata[: match.start()] + metadata[match.end() :]
    if match and value is not None:
        return metadata[: match.start(2)] + escape(value) + metadata[match.end(2) :]
    if value is None or start < 0:
        return metadata
    return f'{metadata[:start]}  <tag name="{_NAME}">{escape(value)}</tag>\n{metadata[start:]}'


def is_stronger(term: str, value: str | None) -> bool:
    """Return whether a term says more about a trained model than a value that is in the metadata.

    Programs write a value as an address of either scheme, with a slash, a query or a fragment at its end or without, or
    as a term alone or after a prefix, in whatever case; several terms are one value with commas.
    """
    return _strength(term) > max(map(_strength, re.findall(r"[^\s,;]+", value or "")), default=-1)


def _strength(value: str) -> int:
    """Return the strength of a term or of its address."""
    address = re.split(r"[?#]", value)[0].rstrip("/")
    return _STRENGTHS.get(re.split("[/:]", address)[-1].lower(), _UNLISTED)
