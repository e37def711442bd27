"""The changelog, the only place that states the version and its release notes."""

import re
from pathlib import Path

CHANGELOG = Path(__file__).absolute().parents[1] / "CHANGELOG.md"
UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def version() -> str:
    """Return the newest version, with "+unreleased" if there are changes since."""
    newest, *older = sections()
    return f"{older[0]}+unreleased" if newest == UNRELEASED else newest


def release_notes() -> str:
    """Return the changes of `version` as Markdown."""
    return next(iter(sections().values()))


def sections() -> dict[str, str]:
    """Return the text below each heading that has one, the newest first."""
    _title, *parts = _HEADING.split(CHANGELOG.read_text(encoding="utf-8"))
    texts = {heading: text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}
    return {heading: text for heading, text in texts.items() if text}
