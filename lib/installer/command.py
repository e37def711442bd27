"""install.py's commands and options."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lib import translation
from lib.installer import demo, doctor, pythons, release, removal, serve, system_packages, targets, user
from lib.installer.changelog import version
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem

_COMMANDS = ("install", "update", "uninstall", "doctor", "demo", "serve", "release")
_MENU = "Filters ▸ Generative Edit ▸ Edit with Prompt…"
_DEMO_FOLDER = "generative-edit-demo"
_Action = Callable[[argparse.Namespace, Sequence[str]], int]


def run(arguments: Sequence[str]) -> int:
    """Runs one command; a problem is told in its two sentences, with exit code 1."""
    words = list(arguments)
    _speak_english()
    if not words or words[0] not in (*_COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "install")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console that has not all letters gets a question mark instead of a traceback.
            stream.reconfigure(errors="replace")
    try:
        user.check(words[0])
        if words[0] == "serve":
            return serve.run(words[1:])
        options = _parser().parse_args(words)
        return int(options.run(options, words))
    except SetupProblem as problem:
        return _tell([problem])
    except OSError as error:
        what = f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}."
        return _tell([SetupProblem(what, "Give access to it or make room, then run this again.")])
    except KeyboardInterrupt:
        return _tell([SetupProblem("Stopped.", "What was installed before is as it was.")])


def _speak_english() -> None:
    """Keeps install.py and what it starts to English, as its own lines are; the plug-in's are translated."""
    os.environ["LANGUAGE"] = "en"
    translation.use()


def _install(options: argparse.Namespace, _words: Sequence[str]) -> int:
    found = targets.find(options.gimp_dir)
    if options.list:
        print("\n".join(targets.describe(target) for target in found.places))
        return _tell(found.problems)
    return _put_into(found, options.link)


def _update(options: argparse.Namespace, _words: Sequence[str]) -> int:
    found = targets.find(options.gimp_dir)
    places = [target for target in found.places if target.installation.folder.exists()]
    if not places:
        raise SetupProblem("There is no Generative Edit to update.", "To install it, run: python3 install.py")
    return _put_into(targets.Targets(places, found.problems), link=False)


def _put_into(found: targets.Targets, link: bool) -> int:
    """Installs into each place; one that has the same packages gives them to the next."""
    pythons.check_running()
    installations = [target.installation for target in found.places]
    done = []

    def put(target: targets.Target) -> None:
        installation = target.installation
        existed = installation.folder.exists()
        installation.install(link, installations)
        print(f"{'Updated' if existed else 'Installed'} Generative Edit {version()} in {installation.folder}")
        done.append(installation)

    problems = targets.each(found, put)
    if done:
        print("Start GIMP again, open a picture, select a part of it, then:", _MENU)
    return _tell(problems)


def _uninstall(options: argparse.Namespace, _words: Sequence[str]) -> int:
    found = targets.find_installed(options.gimp_dir)
    if options.everything:
        removal.check(found.places)
        if not removal.confirmed(found.places):
            print("Nothing was removed.")
            return 0
        problems = removal.forget_keys(found.places)
        # That there is no GIMP is no problem here.
        problems += targets.each(found, removal.remove_plug_in) if found.places else []
        removal.remove_rest(found.places)
        return _tell(problems)
    problems = targets.each(found, removal.remove_plug_in)
    if found.places and not problems:
        removal.say_what_stays()
    return _tell(problems)


def _tell(problems: Sequence[SetupProblem]) -> int:
    for problem in problems:
        print(f"{problem.what}\n{problem.hint}", file=sys.stderr)
    return int(bool(problems))


def _doctor(options: argparse.Namespace, _words: Sequence[str]) -> int:
    return doctor.run(options.gimp_dir)


def _release(options: argparse.Namespace, _words: Sequence[str]) -> int:
    release.run(Path(options.out or CHECKOUT / "dist").absolute(), options.platform)
    return 0


def _demo(options: argparse.Namespace, words: Sequence[str]) -> int:
    if options.no_system_packages:
        system_packages.forbid()
    out = Path(options.out or Path.cwd() / _DEMO_FOLDER).absolute()
    select = _rectangle(options.select) if options.select else None
    picture = Path(options.picture).absolute() if options.picture else None
    mask = Path(options.mask).absolute() if options.mask else None
    if picture and not select and not mask:
        raise SetupProblem(
            "Nothing says what to change in the picture.", "Add --select X,Y,WIDTH,HEIGHT or --mask FILE."
        )
    inside = ["demo", *([str(picture)] if picture else []), "--prompt", options.prompt, "--out", str(out)]
    inside += ["--select", options.select] if select else []
    inside += ["--mask", str(mask)] if mask else []
    demo.run(demo.Demo(picture, select, mask, options.prompt, out), inside)
    return 0


def _rectangle(text: str) -> tuple[int, int, int, int]:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise SetupProblem(f"--select {text} is no rectangle.", "Give it as X,Y,WIDTH,HEIGHT in pixels.") from None
    return x, y, width, height


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.py", description="Generative Edit for GIMP 3.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(required=True)

    def add(name: str, action: _Action, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=action)
        return command

    install = add("install", _install, "install or update in every GIMP 3 (what happens with no command)")
    _add_folder(install)
    install.add_argument("--list", action="store_true", help="say what was found, and touch nothing")
    install.add_argument("--link", action="store_true", help="link this checkout instead of copying (for development)")
    _add_folder(add("update", _update, "update where it is installed, and keep settings, history and keys"))
    uninstall = add("uninstall", _uninstall, "remove what was installed")
    _add_folder(uninstall)
    uninstall.add_argument("--everything", action="store_true", help="settings, history, key and private GIMPs too")
    _add_folder(add("doctor", _doctor, "check every piece"))
    _add_demo(add("demo", _demo, "run the main job in a real GIMP, on a real picture"))
    files = add("release", _release, "write the release files, which need no network to install")
    files.add_argument("--out", metavar="DIR", help="where they go (default: dist)")
    files.add_argument("--platform", action="append", choices=release.NAMES, help="only this one; may be repeated")
    commands.add_parser("serve", help="run the embedded endpoint by itself", add_help=False)
    return parser


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("--gimp-dir", metavar="DIR", help="GIMP's configuration folder, if not the usual one")


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "picture", nargs="?", metavar="PICTURE", help="default: GIMP's own splash image, its lettering selected"
    )
    where = command.add_mutually_exclusive_group()
    where.add_argument("--select", metavar="X,Y,W,H", help="the rectangle to change")
    where.add_argument("--mask", metavar="FILE", help="a picture of the same size, white where it may change")
    command.add_argument("--prompt", default="remove", metavar="TEXT", help="what should be there (default: remove)")
    command.add_argument("--out", metavar="DIR", help=f"where the results go (default: {_DEMO_FOLDER})")
    command.add_argument("--no-system-packages", action="store_true", help="install nothing with apt-get, also as root")
