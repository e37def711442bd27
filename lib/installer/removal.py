"""Taking everything away again."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.installer import packages, private_gimp, pythons, stamp
from lib.installer.installation import contains
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python
from lib.installer.targets import Target
from lib.settings import settings

# Prints True, False where a key could not be deleted, or None where there is no key store.
_FORGET_KEYS = """
from lib.settings import settings
from lib.api import keys
print(keys.forget_all(file=settings.key_file()))
"""
_BY_HAND = "Remove them with the system's own program: look for the service generative-edit."


def remove_plug_in(target: Target) -> None:
    """Removes the plug-in from one place; raises SetupProblem where it cannot."""
    installation = target.installation
    removed = installation.uninstall()
    print(f"Removed {installation.folder}" if removed else f"There was no Generative Edit in {installation.config}")


def say_what_stays() -> None:
    """Where the rest is, and how it goes."""
    print(f"Settings and history stay in {settings.data_folder()}; a stored key stays in the key store.")
    print("To remove those too: python3 install.py uninstall --everything")


def confirmed(places: list[Target]) -> bool:
    """Asks whether all of it is to go."""
    folders = ", ".join(str(folder) for folder in _data_folders(places))
    print(f"This removes the plug-in, all settings and the history in {folders}, the stored keys,")
    print(f"and the private GIMPs, the demo's and the tests' files in {private_gimp.cache_folder()}.")
    try:
        return input("Remove all of it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def check(places: list[Target]) -> None:
    """Raises SetupProblem where a folder that is to go holds what is not ours; nothing is removed then."""
    for target in places:
        target.installation.check_ours()
    for folder in (*_data_folders(places), private_gimp.cache_folder()):
        if folder.exists() and (contains(folder, CHECKOUT) or (folder / ".git").exists()):
            raise SetupProblem(
                f"{folder} holds a checkout, and nothing was removed.",
                "Move the checkout to another place, then run this again.",
            )


def forget_keys(places: list[Target]) -> list[SetupProblem]:
    """Deletes the stored keys with the packages of each installation, or, where there is none, with fetched ones."""
    problems = []
    installed = False
    for target in places:
        written = target.installation.stamp()
        if written:
            installed = True
            python = stamp.python(written, target.installation.python.sandbox)
            problems += _forget(python, target.installation.folder, f"the keys of {target.name}")
    return problems if installed else _forget_with_fetched_packages()


def _forget_with_fetched_packages() -> list[SetupProblem]:
    """For what an uninstall without --everything left."""
    if not any(settings.data_folder().iterdir()):
        return []
    python = pythons.running()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copytree(CHECKOUT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__"))
        try:
            packages.fetch(folder / "vendor", python)
        except SetupProblem as problem:
            return [SetupProblem(f"Keys in the key store may still be there. {problem.what}", _BY_HAND)]
        return _forget(python, folder, "the keys")


def _forget(python: Python, folder: Path, whose: str) -> list[SetupProblem]:
    try:
        done = python.run(_FORGET_KEYS, folder)
    except OSError:
        reason = f"{python.program} is gone"
    except subprocess.TimeoutExpired:
        reason = "the key store does not answer"
    else:
        if not done.returncode and done.stdout.strip() != "False":
            return []
        reason = "the key store keeps them"
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["Python failed"])[-1].rstrip(".")
    return [SetupProblem(f"In the key store, {whose} may still be there: {reason}.", _BY_HAND)]


def remove_rest(places: list[Target]) -> None:
    """Removes settings, history, the private GIMPs and what demo and tests have made; raises OSError."""
    for root in private_gimp.installed():
        private_gimp.remove(root)
    for folder in (*_data_folders(places), private_gimp.cache_folder()):
        # Where a link stands for the folder, what it leads to goes, and then the link.
        if folder.exists():
            shutil.rmtree(folder.resolve())
        if folder.is_symlink():
            folder.unlink()
    print("Removed settings, history, keys and private GIMPs.")


def _data_folders(places: list[Target]) -> list[Path]:
    """The user's data folder, and those of the sandboxes."""
    homes = [target.gimp.data_home for target in places if target.gimp and target.gimp.data_home]
    return [settings.data_folder(), *(home / settings.NAME for home in homes)]
