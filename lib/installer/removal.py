"""Remove the plug-in, and everything else on request."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.installer import packages, private_gimp, pythons, stamp
from lib.installer.installation import Installation, contains
from lib.installer.invocation import install_command
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python
from lib.installer.targets import Target
from lib.settings import settings

# Prints True, False if a key could not be deleted, or None if there is no key store.
_FORGET_KEYS = """
from lib.settings import settings
from lib.api import keys
print(keys.forget_all(file=settings.key_file()))
"""
_BY_HAND = "Remove them with the system's password manager: look for the service generative-edit."


def remove_plug_in(target: Target) -> None:
    """Remove the plug-in from one place; raise SetupProblem if that fails."""
    installation = target.installation
    removed = installation.uninstall()
    print(f"Removed {installation.folder}" if removed else f"Generative Edit is not installed in {installation.config}")
    print_leftovers(installation)


def print_leftovers(installation: Installation) -> None:
    """Print which folders of an old version could not be removed completely, if there are any."""
    for folder in installation.leftovers():
        again = install_command("uninstall")
        print(f"Couldn't remove all of {folder}, as a program uses files in it. The next {again} removes it.")


def print_remaining() -> None:
    """Print where the user's data is, and how to remove it."""
    print(f"Settings and history remain in {settings.data_folder()}; a stored key remains in the key store.")
    print(f"To remove those too: {install_command('uninstall', '--everything')}")


def confirm(places: list[Target]) -> bool:
    """Ask whether to remove everything; return the answer."""
    folders = ", ".join(str(folder) for folder in _data_folders(places))
    print(f"This removes the plug-in, all settings and the history in {folders}, the stored keys,")
    print(f"and the private GIMPs and the files of the demo and the tests in {private_gimp.cache_folder()}.")
    try:
        return input("Remove everything? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def check(places: list[Target]) -> None:
    """Raise SetupProblem, before anything is removed, if a folder is not ours or contains a checkout."""
    for target in places:
        target.installation.check_ours()
    for folder in (*_data_folders(places), private_gimp.cache_folder()):
        if folder.exists() and (contains(folder, CHECKOUT) or (folder / ".git").exists()):
            raise SetupProblem(
                f"{folder} contains a checkout. Nothing was removed.",
                "Move the checkout to another folder, then run this again.",
            )


def forget_keys(places: list[Target]) -> list[SetupProblem]:
    """Delete the stored keys, with the packages of each installation, or with downloaded ones if there is none."""
    problems = []
    installed = False
    for target in places:
        installed_stamp = target.installation.stamp()
        if installed_stamp:
            installed = True
            python = stamp.python(installed_stamp, target.installation.python.sandbox)
            problems += _forget(python, target.installation.folder, f"the keys of {target.name}")
    return problems if installed else _forget_with_downloaded_packages()


def _forget_with_downloaded_packages() -> list[SetupProblem]:
    """Delete the keys that an uninstall without --everything left behind."""
    if not any(settings.data_folder().iterdir()):
        return []
    python = pythons.running()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copytree(CHECKOUT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__"))
        try:
            packages.fetch(folder / "vendor", python)
        except SetupProblem as problem:
            return [SetupProblem(f"Couldn't remove keys from the key store. {problem.what}", _BY_HAND)]
        return _forget(python, folder, "the keys")


def _forget(python: Python, folder: Path, whose: str) -> list[SetupProblem]:
    try:
        result = python.run(_FORGET_KEYS, folder)
    except OSError:
        reason = f"{python.program} no longer exists"
    except subprocess.TimeoutExpired:
        reason = "the key store does not respond"
    else:
        if not result.returncode and result.stdout.strip() != "False":
            return []
        reason = "the key store refused"
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["Python failed"])[-1].rstrip(".")
    return [SetupProblem(f"Couldn't remove {whose} from the key store: {reason}.", _BY_HAND)]


def remove_rest(places: list[Target]) -> None:
    """Remove settings, history, the private GIMPs and the files of the demo and the tests; raise OSError."""
    for root in private_gimp.installed():
        private_gimp.remove(root)
    for folder in (*_data_folders(places), private_gimp.cache_folder()):
        # If the folder is a link, remove its target, then the link.
        if folder.exists():
            shutil.rmtree(folder.resolve())
        if folder.is_symlink():
            folder.unlink()
    print("Removed settings, history, keys and private GIMPs.")


def _data_folders(places: list[Target]) -> list[Path]:
    """Return the user's data folder, and those of the sandboxes."""
    homes = [target.gimp.data_home for target in places if target.gimp and target.gimp.data_home]
    return [settings.data_folder(), *(home / settings.NAME for home in homes)]
