"""One kept job as it is read from its folder, which is data that anybody may have changed.

Names of files are never taken from inside a folder's JSON: what is there is what the listing says.
"""

import json
import math
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from lib.api.text import sentences
from lib.frame.frame import FrameError, Plan
from lib.frame.geometry import Rect, Size
from lib.jobs.job import INSERTED, LOCK, SENT, VERSION, Job, is_running
from lib.translation import _

_JOB_NAME = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{6}")
_RESULT = re.compile(r"result-(\d{1,3})\.[a-z0-9]{2,10}")
_ANSWER = re.compile(r"answer-\d{1,4}\.body")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LARGEST_JSON = 32 << 20
_LONGEST_TEXT = 32_000
_LARGEST_SIDE = 1 << 19  # of a canvas in GIMP


class State(Enum):
    """What became of a job."""

    RUNNING = "running"
    WAITING = "waiting"
    INSERTED = "inserted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    UNREAD = "unread"
    UNSENT = "unsent"
    DAMAGED = "damaged"

    @property
    def words(self) -> str:
        """The state as a user reads it."""
        return {
            State.RUNNING: _("still running"),
            State.WAITING: _("finished, never inserted"),
            State.INSERTED: _("inserted"),
            State.FAILED: _("failed"),
            State.CANCELLED: _("cancelled"),
            State.UNKNOWN: _("sent, answer unknown (may have been billed)"),
            State.INTERRUPTED: _("cut off before its result arrived"),
            State.UNREAD: _("answered, but the answer could not be read"),
            State.UNSENT: _("cut off before it was sent"),
            State.DAMAGED: _("damaged or changed by hand"),
        }[self]


@dataclass(frozen=True)
class Record:
    """One kept job: `note` is a sentence about what is wrong with it, `size` its bytes on disk.

    `plan` is None where job.json does not tell it; `results` are the names of pictures that are really there.
    `has_answer` says that the answer is kept as it came, and can be read again where there are no results.
    `canvas` is the image's size at that time, `grown` what it was to become, in its coordinates (None: the same).
    """

    folder: Path
    state: State
    created: float
    prompt: str
    provider: str
    model: str
    cost: float | None
    results: tuple[str, ...]
    plan: Plan | None
    note: str
    size: int
    has_answer: bool = False
    canvas: Size | None = None
    grown: Rect | None = None

    @property
    def picture(self) -> Path | None:
        """What stands for the job in a list: its first result, else what was to be edited."""
        name = self.results[0] if self.results else "image-1.png"
        path = self.folder / name
        return path if path.is_file() else None


@dataclass(frozen=True)
class FolderListing:
    """What is in a folder, from one listing: the size of each regular file by its name."""

    sizes: Mapping[str, int]

    @classmethod
    def of(cls, folder: Path) -> "FolderListing":
        """Lists a folder; symbolic links and folders inside it do not count. Raises OSError where it cannot."""
        with os.scandir(folder) as entries:
            plain = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
            return cls({entry.name: entry.stat(follow_symlinks=False).st_size for entry in plain})

    @property
    def results(self) -> tuple[str, ...]:
        """The pictures that came back, in order."""
        found = [(int(match[1]), name) for name in self.sizes if (match := _RESULT.fullmatch(name))]
        return tuple(name for _number, name in sorted(found))

    @property
    def has_answer(self) -> bool:
        """Whether an answer is kept as it came."""
        return any(size and _ANSWER.fullmatch(name) for name, size in self.sizes.items())

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())

    def state(self, folder: Path) -> State:
        """What the listing says; job.json is only read where a request has no answer."""
        if LOCK in self.sizes and is_running(folder):
            return State.RUNNING
        if self.results:
            return State.INSERTED if INSERTED in self.sizes else State.WAITING
        if self.has_answer:
            return State.INSERTED if INSERTED in self.sizes else State.UNREAD
        if "response.json" in self.sizes:
            return State.FAILED
        if SENT not in self.sizes:
            return State.UNSENT
        # What the built-in engine was asked costs nothing, whatever became of it.
        return State.INTERRUPTED if Job(folder).is_free else State.UNKNOWN


def read(folder: Path, files: FolderListing) -> Record:
    """The record of a folder by what is in its files; raises OSError where it has gone."""
    asked, note = _json(folder, files, "job.json")
    told, _ignored = _json(folder, files, "report.json")
    answer, broken = _json(folder, files, "response.json")
    state, request = files.state(folder), _object(asked.get("request"))
    if state is State.UNREAD and not note:
        cut_off = _("It was cut off while the answer arrived; Insert reads what there is.")
        note = _failure(answer, "")[1] if answer else cut_off
    elif state is State.FAILED:
        state, note = _failure(answer, note or broken)
    elif note and (state is not State.UNSENT or "job.json" in files.sizes):
        state = state if state is State.RUNNING else State.DAMAGED
    else:
        note = _version_note(asked) or _missing_note(answer, files)
    return Record(
        folder=folder,
        state=state,
        created=_created(folder, asked),
        prompt=_text(request.get("prompt")),
        provider=_text(asked.get("provider")),
        model=_text(told.get("model")) or _text(request.get("model")),
        cost=_amount(told.get("cost")),
        results=files.results,
        plan=_plan(asked),
        note=note,
        size=files.total,
        has_answer=files.has_answer,
        canvas=_canvas(_object(asked.get("record"))),
        grown=_grown(_object(asked.get("record"))),
    )


def _json(folder: Path, files: FolderListing, name: str) -> tuple[dict[str, Any], str]:
    """An object from a file of the folder, empty where there is none; and what is wrong with it."""
    size = files.sizes.get(name)
    if size is None:
        return {}, _("{name} is missing.").format(name=name)
    try:
        if size > _LARGEST_JSON:
            raise ValueError(name)
        data = json.loads((folder / name).read_bytes())
    except (OSError, ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data, ""
    return {}, _("{name} cannot be read.").format(name=name)


def _failure(answer: Mapping[str, Any], note: str) -> tuple[State, str]:
    """A job with an answer and no picture: what it says of itself, or what is wrong with the folder."""
    error = _object(answer.get("error"))
    told = sentences(_text(error.get("message")), _text(error.get("hint")))
    if error.get("code") == "cancelled":
        return State.CANCELLED, told
    if error:
        return State.FAILED, told
    return State.DAMAGED, note or _("Its pictures are no longer there.")


def _version_note(asked: Mapping[str, Any]) -> str:
    version = asked.get("version")
    if isinstance(version, int) and version > VERSION:
        return _("It was made by a newer version of Generative Edit. Update it to use all of this job.")
    if asked and version != VERSION:
        return _("It was made by an older version of Generative Edit.")
    return ""


def _missing_note(answer: Mapping[str, Any], files: FolderListing) -> str:
    """Where fewer pictures are there than the answer brought."""
    promised = answer.get("results")
    missing = len(promised) - len(files.results) if isinstance(promised, list) else 0
    if missing > 0:
        return _("Some of its pictures are no longer there.")
    if files.results and "response.json" not in files.sizes:
        return _("It was cut off while the answer arrived; there may have been more.")
    return ""


def _plan(asked: Mapping[str, Any]) -> Plan | None:
    try:
        return Plan.from_json(_object(asked.get("plan")))
    except (FrameError, TypeError, ValueError):
        return None


def _canvas(told: Mapping[str, Any]) -> Size | None:
    numbers = _whole_numbers(told.get("canvas"), 2)
    return Size(*numbers) if numbers and min(numbers) > 0 else None


def _grown(told: Mapping[str, Any]) -> Rect | None:
    numbers = _whole_numbers(told.get("grown"), 4)
    return Rect(*numbers) if numbers and min(numbers[2:]) > 0 else None


def _whole_numbers(value: object, count: int) -> list[int]:
    """A list of so many numbers that a canvas can have; empty where it is none."""
    if not isinstance(value, list) or len(value) != count:
        return []
    return value if all(type(each) is int and abs(each) <= _LARGEST_SIDE for each in value) else []


def _created(folder: Path, asked: Mapping[str, Any]) -> float:
    """Seconds since 1970: what job.json says where that can be, else the folder's name or its date."""
    said = _amount(asked.get("created"))
    if said and said < time.time() + 86_400:
        return said
    return named_time(folder.name) or folder.stat().st_mtime


def named_time(name: str) -> float | None:
    """When a job was made by its folder's name; None where that is no job's name."""
    match = _JOB_NAME.fullmatch(name)
    try:
        return time.mktime(time.strptime(match[1], "%Y%m%d-%H%M%S")) if match else None
    except (ValueError, OverflowError):
        return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def shown(text: str) -> str:
    """A text that any window can show: without control characters and halves of characters, which JSON may hold."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(" ", whole)


def _text(value: object) -> str:
    return shown(value[:_LONGEST_TEXT]) if isinstance(value, str) else ""


def _amount(value: object) -> float | None:
    """A number from 0 up; JSON as Python reads it also has true, NaN and integers without end."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) and value >= 0 else None
    except OverflowError:
        return None
