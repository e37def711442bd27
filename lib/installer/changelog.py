"""The changelog, the only place that states the version, its date and its release notes."""

import re
from pathlib import Path

CHANGELOG = Path(__file__).absolute().parents[1] / "CHANGELOG.md"
UNRELEASED = "Unreleased"
# "## Unreleased", or a version and its date: "## 1.2.3 (2027-01-31)".
_HEADING = re.compile(r"^## (.+?)(?: \((\d{4}-\d\d-\d\d)\))?$", re.MULTILINE)


def version() -> str:
    """Return the newest version, with "+unreleased" if there are changes since."""
    newest, *older = sections()
    return f"{older[0]}+unreleased" if newest == UNRELEASED else newest


def release_notes() -> str:
    """Return the changes of `version` as Markdown."""
    return next(iter(sections().values()))


def releases() -> list[tuple[str, str]]:
    """Return each version with its date, newest first; what is unreleased has the date of the release before it."""
    headings: list[tuple[str, str]] = _HEADING.findall(CHANGELOG.read_text(encoding="utf-8"))
    released = [heading for heading in headings if heading[0] != UNRELEASED]
    current = version()
    return released if current == released[0][0] else [(current, released[0][1]), *released]


def sections() -> dict[str, str]:
    """Return the text below each heading that has one, the newest first."""
    _title, *parts = _HEADING.split(CHANGELOG.read_text(encoding="utf-8"))
    texts = {heading: text.strip() for heading, text in zip(parts[::3], parts[2::3], strict=True)}
    return {heading: text for heading, text in texts.items() if text}
