"""Taking everything away again."""

import shutil
import subprocess
from pathlib import Path

from lib import settings
from lib.installer import private_gimp
from lib.installer.pythons import Python
from lib.installer.targets import Target

_FORGET_KEYS = """
from lib import settings
from lib.api import keys
keys.forget_all(file=settings.key_file())
"""


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


def forget_keys(target: Target) -> None:
    """Asks the installed packages to forget the keys, as install.py itself has no key store."""
    installation = target.installation
    stamp = installation.stamp()
    if not stamp:
        return
    python = Python(stamp["python"], stamp["python_version"], stamp["platform"], installation.python.sandbox)
    try:
        python.run(_FORGET_KEYS, installation.folder)
    except (OSError, subprocess.TimeoutExpired):
        print(f"The keys that {target.name} keeps in the key store may still be there: {python.program} is gone.")


def remove_rest(places: list[Target]) -> None:
    """Removes settings, history, the private GIMPs and what demo and tests have made."""
    for folder in _data_folders(places):
        shutil.rmtree(folder, ignore_errors=True)
    for root in private_gimp.installed():
        private_gimp.remove(root)
    cache: Path = private_gimp.cache_folder()
    shutil.rmtree(cache, ignore_errors=True)
    print("Removed settings, history, keys and private GIMPs.")


def _data_folders(places: list[Target]) -> list[Path]:
    """The user's data folder, and those of the sandboxes."""
    homes = [target.gimp.data_home for target in places if target.gimp and target.gimp.data_home]
    return [settings.data_folder(), *(home / settings.NAME for home in homes)]
