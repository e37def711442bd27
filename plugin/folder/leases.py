"""Several runs that share an output folder, on one machine or on several: which of them works on which picture.

On a network's file system a lock may count on one machine only, and two machines that append to one file may lose
lines. Each run therefore has files of its own, and takes a picture by creating a file that must not exist:

    run.jsonl, run-2.jsonl, …    the state that a run writes and all of them read: see state.py
    run.lock, run-2.lock, …      locked while the run lives, which other runs of the same machine can rely on
    run.beat, run-2.beat, …      the run, its machine, its pictures, and a number that changes every ten seconds
    lease-PICTURE-N              the run that works on a picture; deleted when the picture has ended

A run whose number has not changed for a minute counts as ended, and so does one of this machine that holds no lock. Its
leases are then free: another run takes a picture by creating the lease with the next N. What the ended run had sent is
not sent again: see resume.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex

from lib.storage import atomic_file
from lib.storage.file_lock import LOCKS_UNSUPPORTED, locked

BEAT_SECONDS, LEASE_SECONDS = 10.0, 60.0
_START_SECONDS, _RECENT_SECONDS = 2.0, 1.0
_NO_MAC_ADDRESS = 1 << 40  # a bit of the numbers that uuid makes up where it can't read one


class FolderInUse(Exception):
    """A run of other pictures, or one of an older version, uses the output folder."""


@dataclass(frozen=True)
class Beat:
    """The heartbeat of a run: its identifier, its machine, a digest of its pictures, and a number that keeps rising."""

    run: str
    machine: str
    pictures: str
    number: int = 0


@dataclass(frozen=True)
class RunSlot:
    """The files of one of the runs that share an output folder, by its number, from 1."""

    folder: Path
    number: int

    def path(self, ending: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / (f"run-{self.number}{ending}" if self.number > 1 else f"run{ending}")

    @property
    def state(self) -> Path:
        """The file of the run's state."""
        return self.path(".jsonl")

    def beat(self) -> Beat | None:
        """Return the heartbeat of the run in this slot; None if there is none."""
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
            return Beat(**json.loads(atomic_file.retry(self.path(".beat").read_bytes)))
        return None


def this_machine() -> str:
    """Return a name of this machine that no other one has."""
    node = uuid.getnode()
    return f"{socket.gethostname()}-{0 if node & _NO_MAC_ADDRESS else node:x}"


@contextmanager
def join(
    folder: Path, pictures: str, machine: str = "", clock: Callable[[], float] = time.monotonic
) -> Iterator[Leases]:
    """Yield the leases of a new run, beside the runs that use the folder already; raise FolderInUse or OSError.

    `pictures` is a digest of the run's pictures: runs of other pictures would choose the same names for their results.
    """
    own = Beat(token_hex(8), machine or this_machine(), pictures)
    with ExitStack() as stack:
        slot = _free_slot(folder, own, stack)
        leases = Leases(slot, own, clock)
        leases.beat()
        try:
            if any(beat.pictures != pictures and leases.has_beaten_recently(slot) for slot, beat in leases.others()):
                raise FolderInUse
            thread = threading.Thread(target=leases.keep_beating, daemon=True)
            thread.start()
            yield leases
        finally:
            leases.close()


def _free_slot(folder: Path, own: Beat, stack: ExitStack) -> RunSlot:
    """Return the first free slot, whose lock the stack then holds; raise FolderInUse or OSError."""
    slot = RunSlot(folder, 1)
    while not _occupy(slot, own, stack):
        if slot.number == 1 and not _has_beat(slot):
            raise FolderInUse  # older versions only have the lock
        slot = RunSlot(folder, slot.number + 1)
    return slot


def _occupy(slot: RunSlot, own: Beat, stack: ExitStack) -> bool:
    """Return whether a slot is free; if it is, the stack then holds it."""
    with ExitStack() as attempt:
        has_locks = True
        try:
            is_free = attempt.enter_context(locked(slot.path(".lock")))
        except OSError as error:
            if error.errno not in LOCKS_UNSUPPORTED:
                raise
            is_free, has_locks = True, False
        if not is_free:
            return False
        beat = slot.beat()
        if has_locks and beat and beat.machine == own.machine:
            slot.path(".beat").unlink(missing_ok=True)  # its run was killed
        try:
            slot.path(".beat").open("x").close()
        except FileExistsError:
            return False
        stack.push(attempt.pop_all())
    return True


def _has_beat(slot: RunSlot) -> bool:
    """Return whether a slot has a heartbeat; wait a moment for a run that is just starting."""
    end = time.monotonic() + _START_SECONDS
    while not slot.path(".beat").exists():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True


@dataclass
class Leases:
    """The leases of one run. `claim`, `holds` and `release` are for one thread; the number is raised in another."""

    slot: RunSlot
    own: Beat
    clock: Callable[[], float]
    _number: int = 0
    _beaten: float = 0.0
    _held: dict[str, int] = field(default_factory=dict)
    _last_seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, picture: str) -> bool:
        """Take a picture for this run; return False if another run has it. Raise OSError.

        The caller reads the other runs' states before anything else: one of them may have finished the picture.
        """
        self._beat_if_due()
        numbers = self._numbers(picture)
        if numbers and self._is_held(picture, numbers[-1]):
            return False
        number = numbers[-1] + 1 if numbers else 1
        path = self._path(picture, number)
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(f"{self.own.run} {self.slot.number}\n")
        except FileExistsError:
            return False
        # Another run may have taken it, and finished it, since the leases were listed.
        if any(self._is_held(picture, other) for other in self._numbers(picture) if other != number):
            path.unlink(missing_ok=True)
            return False
        self._held[picture] = number
        return True

    def holds(self, picture: str) -> bool:
        """Return whether this run still has a picture: a computer that slept may have lost it. Raise OSError."""
        if picture not in self._held:
            return False
        self._beat_if_due()
        numbers = self._numbers(picture)
        if numbers and numbers[-1] == self._held[picture]:
            return True
        del self._held[picture]
        return False

    def release(self, picture: str) -> None:
        """Give a finished picture back, if this run has it."""
        number = self._held.pop(picture, 0)
        for earlier in range(1, number + 1):
            with contextlib.suppress(OSError):
                self._path(picture, earlier).unlink(missing_ok=True)

    def others(self) -> list[tuple[RunSlot, Beat]]:
        """Return the other runs that may use the folder now; of those on other machines, also one that was killed."""
        slots = [RunSlot(self.slot.folder, number) for number in self._slot_numbers()]
        beats = [(slot, beat) for slot in slots if (beat := slot.beat()) and beat.run != self.own.run]
        return [(slot, beat) for slot, beat in beats if self._is_alive(slot, beat)]

    def has_beaten_recently(self, slot: RunSlot) -> bool:
        """Return whether a run has raised its number within the last minute before this run's latest, by their files.

        Not for leases: some file systems set a file's time by the clock of the machine that writes it.
        """
        with contextlib.suppress(OSError):
            own, other = (each.path(".beat").stat().st_mtime for each in (self.slot, slot))
            return own - other < LEASE_SECONDS
        return False

    def beat(self) -> None:
        """Raise this run's number."""
        with self._writing:
            if self._ended.is_set():
                return
            self._number += 1
            text = json.dumps(asdict(self.own) | {"number": self._number})
            atomic_file.write(self.slot.path(".beat"), text.encode("ascii"))
            self._beaten = time.time()  # unlike other clocks, it goes on while the computer sleeps

    def keep_beating(self) -> None:
        """Raise this run's number every ten seconds, until the end."""
        while not self._ended.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # the network may be back before the leases expire
                self.beat()

    def close(self) -> None:
        """Give all pictures back, and stop the heartbeat."""
        for picture in list(self._held):
            self.release(picture)
        with self._writing:
            self._ended.set()
            with contextlib.suppress(OSError):
                self.slot.path(".beat").unlink(missing_ok=True)

    def _beat_if_due(self) -> None:
        """Raise the number before the leases are listed, so that a run that takes a picture later sees it."""
        if not 0 <= time.time() - self._beaten < _RECENT_SECONDS:
            self.beat()

    def _is_held(self, picture: str, number: int) -> bool:
        """Return whether the run that has a lease is alive, as far as this run can tell by now."""
        path = self._path(picture, number)
        try:
            run, slot_number = atomic_file.retry(path.read_text).split()
            slot = RunSlot(self.slot.folder, int(slot_number))
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return self._is_recent(path.name, 0)  # it is being written
        if run == self.own.run:
            return True
        beat = slot.beat()
        if beat is None:
            return self._is_recent(run, 0)
        return beat.run == run and self._is_alive(slot, beat)

    def _is_alive(self, slot: RunSlot, beat: Beat) -> bool:
        if beat.machine == self.own.machine and slot.number != self.slot.number:
            with contextlib.suppress(OSError), locked(slot.path(".lock")) as is_free:
                if is_free:
                    return False
        return self._is_recent(beat.run, beat.number)

    def _is_recent(self, name: str, number: int) -> bool:
        """Return whether a number has changed within the last minute, by this machine's own clock."""
        now = self.clock()
        last, since = self._last_seen.get(name, (None, now))
        if last != number:
            self._last_seen[name] = number, now
            return True
        return now - since < LEASE_SECONDS

    def _slot_numbers(self) -> list[int]:
        names = [path.name.removesuffix(".beat") for path in self.slot.folder.glob("run*.beat")]
        numbers = (name.removeprefix("run-") if name != "run" else "1" for name in names)
        return sorted(int(number) for number in numbers if number.isdecimal())

    def _numbers(self, picture: str) -> list[int]:
        """Return the numbers of the leases of a picture, in order; raise OSError."""
        prefix = self._path(picture, 0).name.removesuffix("0")
        numbers = (path.name.removeprefix(prefix) for path in self.slot.folder.glob(f"{prefix}*"))
        return sorted(int(number) for number in numbers if number.isdecimal())

    def _path(self, picture: str, number: int) -> Path:
        digest = hashlib.sha256(os.fsencode(picture)).hexdigest()[:24]
        return self.slot.folder / f"lease-{digest}-{number}"
