"""The commands and options of install.py."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lib import translation
from lib.installer import demo, doctor, features, pythons, release, removal, serve, system_packages, targets, user
from lib.installer.changelog import version
from lib.installer.invocation import install_command
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem

_COMMANDS = ("install", "update", "uninstall", "doctor", "demo", "serve", "release")
_MENU = "Filters ▸ Generative Edit ▸ Edit with Prompt…"
_DEMO_FOLDER = "generative-edit-demo"
_Action = Callable[[argparse.Namespace], int]


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; print a problem in two sentences and return 1."""
    arguments = list(argv)
    _use_english()
    if not arguments or arguments[0] not in (*_COMMANDS, "-h", "--help", "--version"):
        arguments.insert(0, "install")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console that cannot encode a letter prints a question mark instead of a traceback.
            stream.reconfigure(errors="replace")
    try:
        user.check(arguments[0])
        if arguments[0] == "serve":
            return serve.run(arguments[1:])
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except SetupProblem as problem:
        return _report([problem])
    except OSError as error:
        what = f"Couldn't read or write {error.filename or 'a file'}: {error.strerror or error}."
        return _report([SetupProblem(what, "Check its permissions and the free disk space, then run this again.")])
    except KeyboardInterrupt:
        return _report([SetupProblem("Interrupted.", "The previous installation is unchanged.")])


def _use_english() -> None:
    """Print everything in English: the texts of install.py are not translated, only the plug-in's are."""
    os.environ["LANGUAGE"] = "en"
    translation.use()


def _install(options: argparse.Namespace) -> int:
    selected = targets.find(options.gimp_dir)
    if options.list:
        print("\n".join(targets.describe(target) for target in selected.places))
        return _report(selected.problems)
    return _install_into(selected, options.link, options.without or [])


def _update(options: argparse.Namespace) -> int:
    selected = targets.find(options.gimp_dir)
    places = [target for target in selected.places if target.installation.folder.exists()]
    if not places:
        raise SetupProblem("Generative Edit is not installed.", f"To install it, run: {install_command()}")
    return _install_into(targets.Targets(places, selected.problems), link=False, without=options.without)


def _install_into(selected: targets.Targets, link: bool, without: Sequence[str] | None) -> int:
    """Install into each place, without some features; None leaves out what the user did not want last time.

    Installations with the same packages share them.
    """
    pythons.check_running()
    installations = [target.installation for target in selected.places]
    done = []

    def install(target: targets.Target) -> None:
        installation = target.installation
        existed = installation.folder.exists()
        left_out = (installation.stamp() or {}).get("without", []) if without is None else without
        installation.install(link, installations, left_out)
        print(f"{'Updated' if existed else 'Installed'} Generative Edit {version()} in {installation.folder}")
        removal.print_leftovers(installation)
        done.append(installation)

    problems = targets.each(selected, install)
    if done:
        print("Restart GIMP, open a picture, select a part of it, then choose", _MENU)
    return _report(problems)


def _uninstall(options: argparse.Namespace) -> int:
    selected = targets.find_installed(options.gimp_dir)
    if options.everything:
        removal.check(selected.places)
        if not removal.confirm(selected.places):
            print("Nothing was removed.")
            return 0
        problems = removal.forget_keys(selected.places)
        # Uninstalling everything works without a GIMP, too.
        problems += targets.each(selected, removal.remove_plug_in) if selected.places else []
        removal.remove_rest(selected.places)
        return _report(problems)
    problems = targets.each(selected, removal.remove_plug_in)
    if selected.places and not problems:
        removal.print_remaining()
    return _report(problems)


def _report(problems: Sequence[SetupProblem]) -> int:
    """Print the problems to standard error; return the exit code."""
    for problem in problems:
        print(f"{problem.what}\n{problem.hint}", file=sys.stderr)
    return int(bool(problems))


def _doctor(options: argparse.Namespace) -> int:
    return doctor.run(options.gimp_dir)


def _release(options: argparse.Namespace) -> int:
    release.run(Path(options.out or CHECKOUT / "dist").absolute(), options.platform, options.pictures)
    return 0


def _demo(options: argparse.Namespace) -> int:
    if options.no_system_packages:
        system_packages.forbid()
    out = Path(options.out or Path.cwd() / _DEMO_FOLDER).absolute()
    select = _rectangle(options.select) if options.select else None
    picture = Path(options.picture).absolute() if options.picture else None
    mask = Path(options.mask).absolute() if options.mask else None
    if picture and not select and not mask:
        raise SetupProblem("No part of the picture is selected.", "Add --select X,Y,WIDTH,HEIGHT or --mask FILE.")
    inside = ["demo", *([str(picture)] if picture else []), "--prompt", options.prompt, "--out", str(out)]
    inside += ["--select", options.select] if select else []
    inside += ["--mask", str(mask)] if mask else []
    demo.run(demo.Demo(picture, select, mask, options.prompt, out), inside)
    return 0


def _rectangle(text: str) -> tuple[int, int, int, int]:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise SetupProblem(f"--select {text} is not a rectangle.", "Use X,Y,WIDTH,HEIGHT in pixels.") from None
    return x, y, width, height


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py", description="Generative Edit for GIMP 3.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(required=True)

    def add(name: str, action: _Action, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=action)
        return command

    install = add("install", _install, "install or update in every GIMP 3 (the default command)")
    _add_folder(install)
    _add_features(install)
    install.add_argument("--list", action="store_true", help="list each GIMP 3 and its plug-in, and change nothing")
    install.add_argument("--link", action="store_true", help="link this checkout instead of copying (for development)")
    update = add("update", _update, "update existing installations; settings, history and keys stay")
    _add_folder(update)
    _add_features(update)
    uninstall = add("uninstall", _uninstall, "remove the plug-in")
    _add_folder(uninstall)
    uninstall.add_argument("--everything", action="store_true", help="also settings, history, keys and private GIMPs")
    _add_folder(add("doctor", _doctor, "check the installation"))
    _add_demo(add("demo", _demo, "run an edit in a real GIMP, on a real picture"))
    files = add("release", _release, "write the release files, which install without a network")
    files.add_argument("--out", metavar="DIR", help="output folder (default: dist)")
    files.add_argument("--platform", action="append", choices=release.NAMES, help="only this platform; may be repeated")
    files.add_argument(
        "--pictures",
        default="",
        metavar="URL",
        help="where plugin/help/ is published, for the screenshots in metainfo.xml",
    )
    commands.add_parser("serve", help="run the embedded endpoint on its own", add_help=False)
    return parser


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("--gimp-dir", metavar="DIR", help="GIMP's configuration folder (default: every GIMP's)")


def _add_features(command: argparse.ArgumentParser) -> None:
    """Add `--without-FEATURE` for each feature; `without` is None if none is given."""
    for name, feature in features.FEATURES.items():
        command.add_argument(f"--without-{name}", dest="without", action="append_const", const=name,
                             help=f"leave out {feature.title} ({feature.megabytes} MB)")  # fmt: skip


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "picture", nargs="?", metavar="PICTURE", help="default: GIMP's splash image with its lettering selected"
    )
    area = command.add_mutually_exclusive_group()
    area.add_argument("--select", metavar="X,Y,W,H", help="the rectangle to change")
    area.add_argument("--mask", metavar="FILE", help="an image of the same size, white where the picture may change")
    command.add_argument("--prompt", default="remove", metavar="TEXT", help="what to do there (default: remove)")
    command.add_argument("--out", metavar="DIR", help=f"output folder (default: {_DEMO_FOLDER})")
    command.add_argument("--no-system-packages", action="store_true", help="never run apt-get to install packages")
