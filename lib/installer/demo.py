"""`install.py demo`: run an edit in a real GIMP without a window, on a real picture, with the embedded endpoint."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.installer import gimps, private_gimp
from lib.installer.installation import Installation
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem

_SCRIPT = CHECKOUT / "plugin" / "demo.py"
_PRIVATE_GIMP = "3.0"
_SECONDS = 600
OUTPUTS = ("before.png", "mask.png", "after.png", "edit.xcf", "report.json")


@dataclass(frozen=True)
class Demo:
    """The options of the demo; None for the default picture and a selection of its lettering."""

    picture: Path | None
    select: tuple[int, int, int, int] | None
    mask: Path | None
    prompt: str
    out: Path


def run(demo: Demo, arguments: Sequence[str]) -> None:
    """Run the demo in this machine's GIMP 3, or else call install.py with `arguments` inside a private GIMP."""
    _check_inputs(demo)
    _check_outputs(demo)
    demo.out.mkdir(parents=True, exist_ok=True)
    try:
        gimp = gimps.find()
    except SetupProblem:
        _run_inside(private_gimp.ensure(_PRIVATE_GIMP), demo, arguments)
        return
    started = time.monotonic()
    folder = private_gimp.cache_folder() / "demo"
    config = folder / "GIMP" / gimp.minor
    Installation(config).install()
    installed = time.monotonic()
    _edit(gimp, demo, {"GIMP3_DIRECTORY": str(config), "XDG_DATA_HOME": str(folder / "data")})
    _show(demo, {"install": installed - started, "GIMP, including its start": time.monotonic() - installed})


def _check_inputs(demo: Demo) -> None:
    for path in (demo.picture, demo.mask):
        if path and not path.is_file():
            raise SetupProblem(f"Couldn't find {path}.", "Give the path of an image file that GIMP can open.")


def _check_outputs(demo: Demo) -> None:
    """Raise SetupProblem if an output would replace one of the inputs, or a file that the demo did not write."""
    files = [demo.out / name for name in OUTPUTS if (demo.out / name).exists()]
    for path in (demo.picture, demo.mask):
        if path and any(path.samefile(file) for file in files):
            raise SetupProblem(f"The demo would overwrite {path}.", "Choose another folder with --out.")
    if files and not _is_report(demo.out / "report.json"):
        raise SetupProblem(f"{files[0]} was not written by the demo.", "Move it, or choose another folder with --out.")


def _is_report(path: Path) -> bool:
    """Return whether a file is the report that a successful demo writes last."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and {"provider", "seconds", "frame"} <= report.keys()


def _run_inside(gimp: private_gimp.PrivateGimp, demo: Demo, arguments: Sequence[str]) -> None:
    """Run install.py again inside the private GIMP's system, where that GIMP is the installed one."""
    home = private_gimp.cache_folder() / "demo" / "home"
    home.mkdir(parents=True, exist_ok=True)
    inputs = [path.parent for path in (demo.picture, demo.mask) if path]
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(private_gimp.cache_folder().parent)}
    command = gimp.command(
        ["python3", str(CHECKOUT / "install.py"), *arguments],
        [CHECKOUT, private_gimp.cache_folder(), demo.out, *inputs],
        environment,
    )
    result = subprocess.run(command, stdin=subprocess.DEVNULL)
    if result.returncode:
        sys.exit(result.returncode)


def _edit(gimp: gimps.Gimp, demo: Demo, environment: Mapping[str, str]) -> None:
    """Run the script in GIMP; raise SetupProblem with its error message if it fails."""
    _remove_outputs(demo)
    task = {
        "picture": str(demo.picture) if demo.picture else None,
        "select": demo.select,
        "mask": str(demo.mask) if demo.mask else None,
        "prompt": demo.prompt,
        "out": str(demo.out),
    }
    command = [gimp.command, "--no-interface", "--no-data", "--no-fonts", "--quit",
               "--batch-interpreter", "python-fu-eval", "--batch", f"exec(open({str(_SCRIPT)!r}).read())"]  # fmt: skip
    variables = {**os.environ, **environment, "GENERATIVE_EDIT_DEMO": json.dumps(task)}
    print(f"Editing in GIMP {gimp.version} …", flush=True)
    try:
        result = subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                              errors="replace", timeout=_SECONDS)  # fmt: skip
    except subprocess.TimeoutExpired:
        _remove_outputs(demo)
        raise SetupProblem(f"GIMP did not finish within {_SECONDS} seconds.", "Try a smaller picture.") from None
    missing = [name for name in OUTPUTS if not (demo.out / name).exists()]
    if missing:
        _remove_outputs(demo)
        lines = [line for line in result.stderr.splitlines() if line.startswith("demo:")]
        reason = lines[-1].removeprefix("demo:").strip() if lines else "GIMP exited without a result."
        raise SetupProblem(reason, f"Check GIMP and the plug-in: {gimp.command} --version, and install.py doctor.")


def _remove_outputs(demo: Demo) -> None:
    for name in OUTPUTS:
        (demo.out / name).unlink(missing_ok=True)


def _show(demo: Demo, seconds: Mapping[str, float]) -> None:
    report: dict[str, Any] = json.loads((demo.out / "report.json").read_text(encoding="utf-8"))
    print("Seconds: " + ", ".join(f"{stage} {duration:.1f}" for stage, duration in seconds.items()))
    print("  of the edit: " + ", ".join(f"{stage} {duration:.2f}" for stage, duration in report["seconds"].items()))
    for name in OUTPUTS:
        print(demo.out / name)
