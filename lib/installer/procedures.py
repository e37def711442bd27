"""Ask GIMP itself whether the plug-in's procedures are registered, and by which file."""

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.installer import pythons
from lib.installer.gimps import Gimp
from lib.installer.invocation import install_command
from lib.settings.settings import NAME

PROCEDURES = tuple(
    NAME + part for part in ("", "-remove", "-extend", "-again", "-folder", "-select-subject", "-history", "-settings")
)
# A first start, in which GIMP queries all plug-ins, takes a minute on a slow disk.
_SECONDS = 300
# Script-Fu comes with GIMP, needs no Python, and defines a name for each procedure; this needs none of its library.
_QUERY = " ".join(f'(display (if (defined? \'{name}) "{name} yes" "{name} no")) (newline)' for name in PROCEDURES)
_BINDING = "install GIMP's Python binding (on Debian: gir1.2-gimp-3.0 and python3-gi), then run this again"


def _install_again() -> str:
    return f"run: {install_command()}"


@dataclass(frozen=True)
class ProcedureCheck:
    """Which procedures are registered in GIMP, and what to do if some are missing."""

    text: str
    hint: str = ""


def ask(gimp: Gimp, config: Path) -> ProcedureCheck:
    """Start GIMP without a window and query it; GIMP reads the plug-in again, even if it already has."""
    starter = config / "plug-ins" / NAME / f"{NAME}.py"
    with suppress(OSError):
        # GIMP queries a plug-in again only if its file's time has changed.
        os.utime(starter)
    program = pythons.enter(gimp.python.sandbox, ["gimp-console"]) if gimp.python.sandbox else [gimp.command]
    options = ["--no-interface", "--no-data", "--no-fonts", "--batch-interpreter", "plug-in-script-fu-eval",
               "--batch", _QUERY, "--quit"]  # fmt: skip
    environment = os.environ if gimp.python.sandbox else {**os.environ, "GIMP3_DIRECTORY": str(config)}
    start_gimp = f"check whether GIMP itself starts: {' '.join(program)}"
    try:
        result = _run([*program, *options], environment)
    except OSError as error:
        return ProcedureCheck(f"GIMP does not start: {error.strerror}", start_gimp)
    except subprocess.TimeoutExpired:
        return ProcedureCheck(f"GIMP did not respond within {_SECONDS} seconds", start_gimp)
    registered = [name for name in PROCEDURES if f"{name} yes" in result.stdout.splitlines()]
    if not registered and f"{NAME} no" not in result.stdout.splitlines():
        reason = (result.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        return ProcedureCheck(f"GIMP does not respond: {reason}", start_gimp)
    other = _other_file(config, starter)
    if other:
        return ProcedureCheck(f"GIMP uses the plug-in in {other} instead", "remove that one, then run this again")
    if not registered:
        return _not_registered(result.stderr)
    if len(registered) < len(PROCEDURES):
        return ProcedureCheck(f"only {', '.join(registered)} registered in GIMP", _install_again())
    return ProcedureCheck(f"all {len(registered)} registered in GIMP")


def _run(command: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                          errors="replace", timeout=_SECONDS)  # fmt: skip


def _other_file(config: Path, starter: Path) -> str:
    """Return the file that registered the procedures if it is not ours: of two with one name, GIMP uses the first."""
    try:
        text = (config / "pluginrc").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for entry in re.findall(rf'^\(plug-in-def "([^"]*\b{NAME}\.py)"', text, re.MULTILINE):
        path = entry.replace("\\\\", "\\").replace("${gimp_dir}", str(config))
        if "${" in path or os.path.realpath(path) != os.path.realpath(starter):
            return str(path)
    return ""


def _not_registered(errors: str) -> ProcedureCheck:
    """Return why the plug-in is not registered, from the errors that GIMP, the plug-in or the system printed."""
    # The last line of a traceback through our file, or env's error about the interpreter.
    ends = re.findall(rf"{NAME}\.py.*?\n(\w[\w.]*(?:Error|Exception)\b.*)$", errors, re.MULTILINE | re.DOTALL)
    reason = (ends or re.findall(r"^(env: .*)$", errors, re.MULTILINE) or [""])[0].splitlines()
    if not reason:
        return ProcedureCheck("not registered in GIMP", f"{_install_again()}, then read GIMP's output in a terminal")
    binding = re.search(r"\bgi\b|namespace|introspection|^env:", reason[0], re.IGNORECASE)
    return ProcedureCheck(f"GIMP cannot start the plug-in: {reason[0]}", _BINDING if binding else _install_again())
