"""A real GIMP under test: which one, how it is started, how it is called, how its window is seen."""

import contextlib
import filecmp
import functools
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageGrab

from lib.installer import gimps, isolation, private_gimp
from lib.installer.problem import SetupProblem
from lib.storage.file_lock import locked

CHECKOUT = Path(__file__).absolute().parents[2]
CACHE = private_gimp.cache_folder() / "tests"
DRIVER = Path(__file__).with_name("inside") / "driver.py"
# Hang guards: where namespaces are not allowed GIMP is traced, and everything takes several times as long.
START_SECONDS = 480
CALL_SECONDS = 480
STILL_SECONDS = 0.25
# Names the file of variables with which plug-ins start.
VARIABLES = "GENERATIVE_EDIT_VARIABLES"


SCREEN_PROGRAMS = ("Xvfb", "openbox", "xdotool", "dbus-run-session")

_SCREENS = itertools.count()
_LOCKS = contextlib.ExitStack()


@functools.cache
def _free_config(minor):
    """GIMP's folder of this process: another one where a process at the same time tests this GIMP."""
    CACHE.mkdir(parents=True, exist_ok=True)
    names = itertools.chain([f"GIMP-{minor}"], (f"GIMP-{minor}-{number}" for number in itertools.count(2)))
    free = (name for name in names if _LOCKS.enter_context(locked(CACHE / f"{name}.lock")))
    return CACHE / next(free)


class FailedInside(AssertionError):
    """What was called in GIMP raised; the text is its traceback."""


@dataclass
class GimpUnderTest:
    """One version of GIMP, "3.2" meaning 3.2 or later.

    It is the machine's own where that fits and the machine has what windows are tested with, else a private one.
    """

    minor: str
    own: gimps.Gimp | None = None
    private: private_gimp.PrivateGimp | None = None

    @classmethod
    def find(cls, minor):
        own = _own_gimp()
        if own and (own.minor == minor or (minor == "3.2" and tuple(map(int, own.minor.split("."))) >= (3, 2))):
            return cls(minor, own=own)
        return cls(minor, private=private_gimp.ensure(minor))

    @property
    def config(self):
        """Kept between runs, so that the packages are fetched once."""
        return _free_config(self.minor)

    def command(self, words, folders, environment):
        if self.private:
            return self.private.command(words, folders, environment)
        settings = [f"{name}={value}" for name, value in environment.items()]
        return ["env", *settings, *words]

    def python(self, *words, folders=(), environment=None):
        """Runs the Python beside this GIMP; returns the finished process."""
        variables = {"HOME": str(CACHE / "home")} | (environment or {})
        command = self.command(["python3", *map(str, words)], self._folders(folders), variables)
        return subprocess.run(command, capture_output=True, text=True, timeout=CALL_SECONDS)

    def version(self):
        """GIMP's own word: "3.0.4"."""
        words = ["gimp-console", "--version"] if self.private else [self.own.command, "--version"]
        output = subprocess.run(
            self.command(words, [], {}), capture_output=True, text=True, timeout=CALL_SECONDS
        ).stdout
        return re.search(r"\d+\.\d+\.\d+", output)[0]

    def install(self, config=None):
        """Installs the plug-in as a user would; returns the finished process."""
        (CACHE / "home").mkdir(parents=True, exist_ok=True)
        self.config.mkdir(parents=True, exist_ok=True)
        # A version that GIMP knows already: else it opens its welcome over what is tested. Nor may the windows of one
        # run be where an interrupted run before it left them.
        settings = [f'(config-version "{self.version()}")', "(show-welcome-dialog no)", "(check-updates no)"]
        settings += ["(save-session-info no)", "(restore-session no)"]
        rc = self.config / "gimprc"
        # GIMP adds its language, and asks all of its plug-ins again where that is missing.
        if not rc.exists() or not set(settings) <= set(rc.read_text().splitlines()):
            rc.write_text("\n".join(settings) + "\n")
        (self.config / "sessionrc").unlink(missing_ok=True)
        self._add_interpreter()
        return self.python(CHECKOUT / "install.py", "--gimp-dir", config or self.config)

    def share_files(self):
        """Link the plug-in's files to those of this GIMP's first process, so that two take no more room than one."""
        first = CACHE / f"GIMP-{self.minor}"
        for path in (self.config / "plug-ins").rglob("*") if self.config != first else ():
            other = first / path.relative_to(self.config)
            if (
                path.is_file()
                and other.is_file()
                and not path.samefile(other)
                and filecmp.cmp(path, other, shallow=False)
            ):
                link = path.with_name(f"{path.name}.link")
                link.hardlink_to(other)
                link.replace(path)

    def start(
        self,
        work,
        *,
        environment=None,
        window=None,
        config=None,
        linger=False,
        accessible=False,
        disk=0,
        host="",
        folders=(),
    ):
        """Starts this GIMP with the driver in it; `window` is the size of a screen, None means no window.

        `config` "home" leaves GIMP to find its folder under `work`, which is its home. With `linger`, what GIMP
        started may outlive it. `accessible` tells the windows' controls to screen readers: see accessibility.py.
        With `disk` the plug-in's data are on a file system of their own, of so many bytes. `host` is the name of its
        machine, which else is this one's; `folders` are those that it sees besides its own.
        """
        where = config or self.config
        return RunningGimp(self, Path(work), environment or {}, window, where, linger, accessible, disk, host, folders)

    def _add_interpreter(self):
        """Let plug-ins start with the variables of a file, which change while their GIMP runs."""
        folder = self.config / "interpreters"
        folder.mkdir(exist_ok=True)
        script = folder / "python-with-variables"
        script.write_text(f'#!/bin/sh\n[ ! -e "${VARIABLES}" ] || . "${VARIABLES}"\nexec python3 "$@"\n')
        script.chmod(0o755)
        (folder / "python.interp").write_text(f"python3={script}\n")

    def _folders(self, folders):
        CACHE.mkdir(parents=True, exist_ok=True)
        return [CHECKOUT, CACHE.parent, *folders]


@dataclass
class RunningGimp:
    """A GIMP process; `call` runs a function of tests/gimp/inside in it."""

    gimp: GimpUnderTest
    work: Path
    environment: dict
    window: tuple | None
    config: Path | str
    linger: bool = False
    accessible: bool = False
    disk: int = 0
    host: str = ""
    folders: tuple = ()
    display: str = field(init=False, default="")

    def __post_init__(self):
        self.work.mkdir(parents=True, exist_ok=True)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        listener.settimeout(START_SECONDS)
        self.log = (self.work / "gimp.log").open("wb")
        command = self._in_namespaces() if self.disk or self.host else self._command()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            self._connection, _ = listener.accept()
        except TimeoutError:
            self.close()
            raise AssertionError(f"GIMP did not start: {(self.work / 'gimp.log').read_text()[-2000:]}") from None
        finally:
            listener.close()
        self._connection.settimeout(CALL_SECONDS)
        self._answers = self._connection.makefile("r", encoding="utf-8")

    @property
    def data(self):
        """The user's data folder of the plug-in in this run; on a disk of its own, as GIMP's process sees it."""
        folder = self.work / "data" / "generative-edit"
        if not self.disk:
            return folder
        return Path(f"/proc/{self.processes('--batch-interpreter')[0]}/root") / folder.relative_to("/")

    @property
    def plug_in(self):
        """The plug-in's file, which is a word of its processes' command lines."""
        return str(self.config / "plug-ins" / "generative-edit" / "generative-edit.py")

    def renew(self, environment, welcome=False):
        """Make this GIMP like one just started, for the next module: no data, no last values, these variables.

        With `welcome` the user has not seen the window of the first time yet.

        GIMP itself starts only once, as that takes ten seconds.
        """
        self.kill(signal.SIGKILL, "generative-edit.py", "lib.worker")
        shutil.rmtree(self.work / "data", ignore_errors=True)
        shutil.rmtree(self.config / "plug-in-settings", ignore_errors=True)
        if not welcome:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.data / "windows.json").write_text('{"version": 1, "groups": {"first-time": true}}')
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
        self.variables.write_text("".join(lines), encoding="utf-8")

    def clear(self):
        """Close all images, and all windows that a failed test may have left open."""
        self.call("edits.close_all")
        for _attempt in range(6):
            self.settle()
            _main, *others = self.call("accessibility.windows")
            if not others:
                return
            # A message of GIMP's does not have the keyboard.
            with contextlib.suppress(AssertionError):
                self.keys("search", "--onlyvisible", "--name", re.escape(others[-1]), "windowactivate", "--sync")
            self.keys("key", "Escape")
        raise AssertionError(f"windows that cannot be closed: {self.call('accessibility.windows')}")

    @property
    def variables(self):
        """The file of variables with which plug-ins start."""
        return self.work / "variables.sh"

    def call(self, function, **arguments):
        """Calls "module.function" of tests/gimp/inside; returns its value, raises FailedInside."""
        self.begin(function, **arguments)
        return self.result()

    def begin(self, function, **arguments):
        """Calls without waiting; `result` waits."""
        line = json.dumps({"function": function, "arguments": arguments})
        self._connection.sendall(line.encode() + b"\n")

    def result(self, seconds=CALL_SECONDS):
        self._connection.settimeout(seconds)
        line = self._answers.readline()
        if not line:
            raise FailedInside(f"GIMP has gone: {(self.work / 'gimp.log').read_text()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise FailedInside(answer["error"])
        return answer["value"]

    def keys(self, *words):
        """Sends xdotool's words to the window: ("key", "ctrl+z"), ("type", "remove")."""
        done = subprocess.run(self._beside(["xdotool", *words]), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_for_window(self, name, seconds=60):
        """Wait until a window with this in its title is there; return its id."""
        words = ["timeout", str(seconds), "xdotool", "search", "--sync", "--onlyvisible", "--name", name]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # A window that goes while they are looked through ends the search without any.
            ids = subprocess.run(self._beside(words), capture_output=True, text=True).stdout.split()
            if ids:
                return ids[0]
            time.sleep(0.05)
        raise AssertionError(f"no window {name!r} after {seconds} seconds")

    def screenshot(self, path=None):
        """What is on the screen now, as a picture; also in a file where a path is given."""
        picture = ImageGrab.grab(xdisplay=self.display)
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
        return picture

    def settle(self, seconds=20):
        """Wait until the screen has hardly changed for a quarter of a second; return it."""
        end, last, since = time.monotonic() + seconds, self.screenshot(), time.monotonic()
        while time.monotonic() < min(end, since + STILL_SECONDS):
            time.sleep(0.08)
            now = self.screenshot()
            if not _same(last, now):
                last, since = now, time.monotonic()
        return last

    def close(self):
        """Ends GIMP and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def processes(self, part=""):
        """The ids of this GIMP's processes, and of those it started, with the word `part` in their command line."""
        mark = f"GENERATIVE_EDIT_DRIVER={self.port}".encode()
        ids = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                ours = mark in (folder / "environ").read_bytes().split(b"\0")
                if ours and part.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    ids.append(int(folder.name))
            except OSError:
                continue
        return ids

    def kill(self, number, *parts):
        """Sends a signal to the processes with one of the parts as a word, or at the end of their script's path."""
        root = self.config / "plug-ins" / "generative-edit"
        for part in parts:
            for process in {*self.processes(part), *self.processes(str(root / part))}:
                with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(process, number)

    def _command(self):
        folders = self.gimp._folders([self.work, *self.folders])
        environment = {
            "HOME": str(self.work), "XDG_DATA_HOME": str(self.work / "data"),
            "GENERATIVE_EDIT_CHECKOUT": str(CHECKOUT), "GENERATIVE_EDIT_DRIVER": str(self.port),
            "PYTHONDONTWRITEBYTECODE": "1", VARIABLES: str(self.variables),
            **({} if self.accessible else {"NO_AT_BRIDGE": "1"}), **self.environment,
        }  # fmt: skip
        if self.config != "home":
            environment["GIMP3_DIRECTORY"] = str(self.config)
        batch = ["--batch-interpreter", "python-fu-eval", "--batch", f"exec(open({str(DRIVER)!r}).read())", "--quit"]
        if not self.window:
            words = [self._console(), "--no-interface", "--no-data", "--no-fonts", *batch]
            if self.linger:
                words = ["sh", "-c", f"{_quoted(words)}; sleep 60"]
            return self.gimp.command(words, folders, environment)
        self.display = f":{100 + os.getpid() % 400 + 400 * next(_SCREENS)}"
        width, height = self.window
        gimp = f"exec dbus-run-session -- gimp --no-splash --no-data {_quoted(batch)}"
        script = f"Xvfb {self.display} -nolisten tcp -screen 0 {width}x{height}x24 & sleep 1; openbox & {gimp}"
        return self.gimp.command(["sh", "-c", script], folders, {**environment, "DISPLAY": self.display})

    def _in_namespaces(self):
        need_namespaces()
        command = self._command()
        options = ["--size", str(self.disk), "--tmpfs", str(self.work / "data")] if self.disk else []
        options += ["--unshare-user", "--unshare-uts", "--hostname", self.host] if self.host else []
        if not self.gimp.private:
            return ["bwrap", "--dev-bind", "/", "/", *options, "--", *command]
        end = command.index("--")
        return [*command[:end], *options, *command[end:]]

    def _console(self):
        return self.gimp.own.command if self.gimp.own else "gimp-console"

    def _beside(self, words):
        return self.gimp.command(words, [], {"DISPLAY": self.display})


def _own_gimp():
    """The machine's GIMP; None where there is none, or its windows cannot be tested."""
    reader = ["python3", "-c", "import gi; gi.require_version('Atspi', '2.0')"]
    if not all(map(shutil.which, SCREEN_PROGRAMS)) or subprocess.run(reader, capture_output=True).returncode:
        return None
    try:
        return gimps.find()
    except SetupProblem:
        return None


def need_namespaces():
    """Leaves out a test of what only bubblewrap can do: file systems of their own, other users, no network."""
    if not isolation.Bubblewrap().is_possible():
        pytest.skip("this machine allows no namespaces")


def _quoted(words):
    return " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)


def _same(one: Image.Image, other: Image.Image) -> bool:
    """Alike but for the selection's marching ants and a cursor that blinks."""
    if one.tobytes() == other.tobytes():
        return True
    changed = ImageChops.difference(one, other).convert("L").point(lambda value: 255 if value else 0)
    return changed.histogram()[255] < 0.005 * one.width * one.height
