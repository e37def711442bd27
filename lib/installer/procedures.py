"""Asks GIMP itself whether it knows the plug-in's procedures, and from which file."""

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.installer import pythons
from lib.installer.gimps import Gimp
from lib.settings.settings import NAME

PROCEDURES = tuple(NAME + part for part in ("", "-remove", "-extend", "-again", "-folder", "-history", "-settings"))
# A first start, in which GIMP asks all its plug-ins, takes a minute on a slow disk.
_SECONDS = 300
# Script-Fu is GIMP's own, needs no Python, and has a name for each procedure; these words it has without its library.
_QUESTION = " ".join(f'(display (if (defined? \'{name}) "{name} yes" "{name} no")) (newline)' for name in PROCEDURES)
_BINDING = "install GIMP's Python binding (on Debian: gir1.2-gimp-3.0 and python3-gi), then run this again"
_AGAIN = "run: python3 install.py"


@dataclass(frozen=True)
class ProcedureCheck:
    """What GIMP knows, and what to do where that is not everything."""

    text: str
    hint: str = ""


def ask(gimp: Gimp, config: Path) -> ProcedureCheck:
    """Start GIMP without a window and ask it; a file that was seen before is looked at again."""
    starter = config / "plug-ins" / NAME / f"{NAME}.py"
    with suppress(OSError):
        # GIMP asks a plug-in again only where its file has another time.
        os.utime(starter)
    program = pythons.enter(gimp.python.sandbox, ["gimp-console"]) if gimp.python.sandbox else [gimp.command]
    words = ["--no-interface", "--no-data", "--no-fonts", "--batch-interpreter", "plug-in-script-fu-eval",
             "--batch", _QUESTION, "--quit"]  # fmt: skip
    environment = os.environ if gimp.python.sandbox else {**os.environ, "GIMP3_DIRECTORY": str(config)}
    again = f"see whether GIMP itself starts: {' '.join(program)}"
    try:
        done = _run([*program, *words], environment)
    except OSError as error:
        return ProcedureCheck(f"GIMP does not start: {error.strerror}", again)
    except subprocess.TimeoutExpired:
        return ProcedureCheck(f"GIMP does not answer in {_SECONDS} seconds", again)
    known = [name for name in PROCEDURES if f"{name} yes" in done.stdout.splitlines()]
    if not known and f"{NAME} no" not in done.stdout.splitlines():
        return ProcedureCheck(f"GIMP does not answer: {(done.stderr.strip().splitlines() or ['no word'])[-1]}", again)
    other = _other_file(config, starter)
    if other:
        return ProcedureCheck(f"GIMP takes the plug-in from {other} instead", "remove that one, then run this again")
    if not known:
        return _unknown(done.stderr)
    if len(known) < len(PROCEDURES):
        return ProcedureCheck(f"GIMP knows only {', '.join(known)}", _AGAIN)
    return ProcedureCheck(f"GIMP knows all {len(known)}")


def _run(command: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                          errors="replace", timeout=_SECONDS)  # fmt: skip


def _other_file(config: Path, starter: Path) -> str:
    """The file from which GIMP has the procedures where it is not ours; of two with one name it takes the first."""
    try:
        text = (config / "pluginrc").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for written in re.findall(rf'^\(plug-in-def "([^"]*\b{NAME}\.py)"', text, re.MULTILINE):
        path = written.replace("\\\\", "\\").replace("${gimp_dir}", str(config))
        if "${" in path or os.path.realpath(path) != os.path.realpath(starter):
            return str(path)
    return ""


def _unknown(errors: str) -> ProcedureCheck:
    """Why GIMP does not know the plug-in, from what the plug-in or the system wrote when GIMP started it."""
    # In one line: what a traceback through our file ends with, or env's complaint about the interpreter.
    ends = re.findall(rf"{NAME}\.py.*?\n(\w[\w.]*(?:Error|Exception)\b.*)$", errors, re.MULTILINE | re.DOTALL)
    reason = (ends or re.findall(r"^(env: .*)$", errors, re.MULTILINE) or [""])[0].splitlines()
    if not reason:
        return ProcedureCheck(
            "GIMP does not know the plug-in", f"{_AGAIN}, then start GIMP from a terminal and read its words"
        )
    binding = re.search(r"\bgi\b|namespace|introspection|^env:", reason[0], re.IGNORECASE)
    return ProcedureCheck(f"GIMP cannot start the plug-in: {reason[0]}", _BINDING if binding else _AGAIN)
