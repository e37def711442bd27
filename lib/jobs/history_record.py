"""One job of the history, read from its folder.

The folder is untrusted input: names of files come from its listing, never from its JSON files.
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
from lib.jobs.job import INSERTED, SENT, STARRED, VERSION, WORKER_LOCK, Job, is_running
from lib.translation import _

ORIGINAL = "image-1.png"
_JOB_NAME = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{6}")
_RESULT = re.compile(r"result-(\d{1,3})\.[a-z0-9]{2,10}")
_ANSWER = re.compile(r"answer-\d{1,4}\.body")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LARGEST_JSON = 32 << 20
_LONGEST_TEXT = 32_000
_LONGEST_NAME = 200
_LARGEST_SIDE = 1 << 19  # of a canvas in GIMP


class JobState(Enum):
    """The outcome of a job."""

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
        """The state as text for the user."""
        return {
            JobState.RUNNING: _("still running"),
            JobState.WAITING: _("finished, not inserted"),
            JobState.INSERTED: _("inserted"),
            JobState.FAILED: _("failed"),
            JobState.CANCELLED: _("cancelled"),
            JobState.UNKNOWN: _("sent, no response received (may have been billed)"),
            JobState.INTERRUPTED: _("interrupted before its result arrived"),
            JobState.UNREAD: _("response received, but it couldn't be read"),
            JobState.UNSENT: _("interrupted before it was sent"),
            JobState.DAMAGED: _("damaged or edited by hand"),
        }[self]


@dataclass(frozen=True)
class Record:
    """One job of the history.

    created: seconds since 1970. cost: US dollars, None if unknown. size: bytes on disk.
    results: the names of the picture files that exist. plan: None if job.json has no valid one.
    note: a sentence about a problem with the job, or "".
    has_answer: whether an unprocessed answer is on disk, which can be parsed if there are no results.
    image: the name of the image, without its suffix; "" if unknown.
    canvas: the image's size at that time. grown: the extended canvas in its coordinates, None if it wasn't extended.
    """

    folder: Path
    state: JobState
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
    image: str = ""
    is_starred: bool = False

    @property
    def has_result(self) -> bool:
        """Whether layers can be made of the job."""
        return self.state is not JobState.RUNNING and (bool(self.results) or self.has_answer)

    @property
    def picture(self) -> Path | None:
        """The picture that represents the job in a list: its first result, else the original."""
        name = self.results[0] if self.results else ORIGINAL
        path = self.folder / name
        return path if path.is_file() else None


@dataclass(frozen=True)
class FolderListing:
    """The sizes in bytes of a folder's regular files, by name."""

    sizes: Mapping[str, int]

    @classmethod
    def of(cls, folder: Path) -> "FolderListing":
        """List a folder without its symbolic links and subfolders; raise OSError if that fails."""
        with os.scandir(folder) as entries:
            files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
            return cls({entry.name: entry.stat(follow_symlinks=False).st_size for entry in files})

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the result pictures, in order."""
        numbered = [(int(match[1]), name) for name in self.sizes if (match := _RESULT.fullmatch(name))]
        return tuple(name for _number, name in sorted(numbered))

    @property
    def has_answer(self) -> bool:
        """Whether an unprocessed answer is on disk."""
        return any(size and _ANSWER.fullmatch(name) for name, size in self.sizes.items())

    @property
    def total(self) -> int:
        """The size of all files in bytes."""
        return sum(self.sizes.values())

    def state(self, folder: Path) -> JobState:
        """Return the job's state from the listing; job.json is read only if a request has no answer."""
        if WORKER_LOCK in self.sizes and is_running(folder):
            return JobState.RUNNING
        if self.results:
            return JobState.INSERTED if INSERTED in self.sizes else JobState.WAITING
        if self.has_answer:
            return JobState.INSERTED if INSERTED in self.sizes else JobState.UNREAD
        if "response.json" in self.sizes:
            return JobState.FAILED
        if SENT not in self.sizes:
            return JobState.UNSENT
        # A request to the built-in engine costs nothing, whatever its outcome.
        return JobState.INTERRUPTED if Job(folder).is_free else JobState.UNKNOWN


def read_record(folder: Path, files: FolderListing) -> Record:
    """Read the record of a job from its files; raise OSError if the folder is gone."""
    job_spec, note = _read_json(folder, files, "job.json")
    report, _problem = _read_json(folder, files, "report.json")
    response, response_problem = _read_json(folder, files, "response.json")
    state, request = files.state(folder), _object(job_spec.get("request"))
    if state is JobState.UNREAD and not note:
        interrupted = _("It was interrupted while the response arrived. Insert reads what was received.")
        note = _failure(response, "")[1] if response else interrupted
    elif state is JobState.FAILED:
        state, note = _failure(response, note or response_problem)
    elif note and (state is not JobState.UNSENT or "job.json" in files.sizes):
        state = state if state is JobState.RUNNING else JobState.DAMAGED
    else:
        note = _version_note(job_spec) or _missing_note(response, files)
    return Record(
        folder=folder,
        state=state,
        created=_created(folder, job_spec),
        prompt=_text(request.get("prompt")),
        provider=_text(job_spec.get("provider")),
        model=_text(report.get("model")) or _text(request.get("model")),
        cost=_amount(report.get("cost")),
        results=files.results,
        plan=_plan(job_spec),
        note=note,
        size=files.total,
        has_answer=files.has_answer,
        canvas=_canvas(_object(job_spec.get("record"))),
        grown=_grown(_object(job_spec.get("record"))),
        image=_text(job_spec.get("image"))[:_LONGEST_NAME],
        is_starred=STARRED in files.sizes,
    )


def _read_json(folder: Path, files: FolderListing, name: str) -> tuple[dict[str, Any], str]:
    """Return the object in a JSON file, or {} and a sentence about the problem."""
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
    return {}, _("Couldn't read {name}.").format(name=name)


def _failure(response: Mapping[str, Any], note: str) -> tuple[JobState, str]:
    """Return the state of a job with an answer but no picture, and its error message or `note`."""
    error = _object(response.get("error"))
    message = sentences(_text(error.get("message")), _text(error.get("hint")))
    if error.get("code") == "cancelled":
        return JobState.CANCELLED, message
    if error:
        return JobState.FAILED, message
    return JobState.DAMAGED, note or _("Its pictures are missing.")


def _version_note(job_spec: Mapping[str, Any]) -> str:
    version = job_spec.get("version")
    if isinstance(version, int) and version > VERSION:
        return _("It was made by a newer version of Generative Edit. Update Generative Edit to use all of this job.")
    if job_spec and version != VERSION:
        return _("It was made by an older version of Generative Edit.")
    return ""


def _missing_note(response: Mapping[str, Any], files: FolderListing) -> str:
    """Return a note if pictures of the answer are missing."""
    names = response.get("results")
    missing = len(names) - len(files.results) if isinstance(names, list) else 0
    if missing > 0:
        return _("Some of its pictures are missing.")
    if files.results and "response.json" not in files.sizes:
        return _("It was interrupted while the response arrived. Some pictures may be missing.")
    return ""


def _plan(job_spec: Mapping[str, Any]) -> Plan | None:
    try:
        return Plan.from_json(_object(job_spec.get("plan")))
    except (FrameError, TypeError, ValueError):
        return None


def _canvas(edit_record: Mapping[str, Any]) -> Size | None:
    numbers = _coordinates(edit_record.get("canvas"), 2)
    return Size(*numbers) if numbers and min(numbers) > 0 else None


def _grown(edit_record: Mapping[str, Any]) -> Rect | None:
    numbers = _coordinates(edit_record.get("grown"), 4)
    return Rect(*numbers) if numbers and min(numbers[2:]) > 0 else None


def _coordinates(value: object, count: int) -> list[int]:
    """Return a list of `count` integers within the limits of a canvas; [] for any other value."""
    if not isinstance(value, list) or len(value) != count:
        return []
    return value if all(type(each) is int and abs(each) <= _LARGEST_SIDE for each in value) else []


def _created(folder: Path, job_spec: Mapping[str, Any]) -> float:
    """Return when the job was created, in seconds since 1970: by job.json, else by the folder's name or its date."""
    created = _amount(job_spec.get("created"))
    if created and created < time.time() + 86_400:
        return created
    return named_time(folder.name) or folder.stat().st_mtime


def named_time(name: str) -> float | None:
    """Return the time in a job folder's name, in seconds since 1970; None if it isn't the name of a job folder."""
    match = _JOB_NAME.fullmatch(name)
    try:
        return time.mktime(time.strptime(match[1], "%Y%m%d-%H%M%S")) if match else None
    except (ValueError, OverflowError):
        return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def printable(text: str) -> str:
    """Return a text without the control characters and lone surrogates that JSON may contain and GTK can't display."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(" ", encodable)


def _text(value: object) -> str:
    return printable(value[:_LONGEST_TEXT]) if isinstance(value, str) else ""


def _amount(value: object) -> float | None:
    """Return a finite number from 0 up; None for any other value of JSON, such as true, NaN or a huge integer."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) and value >= 0 else None
    except OverflowError:
        return None
