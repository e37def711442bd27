#!/usr/bin/env python3
"""Install Generative Edit into the GIMP 3 of this user, check it, demonstrate it or serve its endpoint.

    python3 install.py                  install or update in each of your GIMP 3 (--list: only list them)
    python3 install.py update           update an existing installation; settings, history and keys stay
    python3 install.py demo             run an edit in a real GIMP, on a real picture
    python3 install.py doctor           check the installation
    python3 install.py serve            run the embedded endpoint on its own
    python3 install.py release          write the release files, which install without a network
    python3 install.py uninstall        remove it (--everything: settings, history, key and private GIMPs too)

Standard library only. This file parses on Python 2.7, so that an old Python prints a sentence, not a SyntaxError.
"""

import os
import sys

OLDEST_PYTHON = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
WHERE_TO_GET = {
    "win32": "Install Python from python.org",
    "darwin": "Install Python from python.org, or with Homebrew (brew install python)",
}
# The programs of Python itself that a double click on this file leaves in its new console.
LAUNCHERS = ("py.exe", "python.exe")


def check_python(program, arguments):
    """Return whether this Python is new enough; if not, print which one to use."""
    if sys.version_info >= OLDEST_PYTHON:
        return True
    folders = os.environ.get("PATH", "").split(os.pathsep)
    newer = [name for name in NEWER if any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders)]
    # On Windows the launcher starts the newest Python that is installed.
    python = "py" if sys.platform == "win32" else (newer or ["python3.11"])[0]
    command = " ".join([python, program] + list(arguments))
    get = WHERE_TO_GET.get(sys.platform, "Install a newer Python")
    sys.stderr.write(
        "Generative Edit needs Python 3.11 or later; this is Python %d.%d.\n" % sys.version_info[:2]
        + ("Run: %s\n" % command if newer else "%s, then run: %s\n" % (get, command))
    )
    return False


def console_programs():
    """Return the names of the programs that share this process's console on Windows, [] on other systems."""
    if sys.platform != "win32":
        return []
    import ctypes

    kernel = ctypes.windll.kernel32
    kernel.OpenProcess.restype = ctypes.c_void_p
    numbers = (ctypes.c_uint * 64)()
    names = []
    for number in numbers[: kernel.GetConsoleProcessList(numbers, 64)]:
        process = ctypes.c_void_p(kernel.OpenProcess(0x1000, 0, number))  # PROCESS_QUERY_LIMITED_INFORMATION
        path, size = ctypes.create_unicode_buffer(1024), ctypes.c_uint(1024)
        is_named = process.value and kernel.QueryFullProcessImageNameW(process, 0, path, ctypes.byref(size))
        names.append(path.value.rpartition("\\")[2].lower() if is_named else "unknown")
        if process.value:
            kernel.CloseHandle(process)
    return names


def keep_window_open(programs):
    """Wait for the Enter key if no shell shares the console: a double click opened it, and it closes at the end."""
    if programs and all(name in LAUNCHERS for name in programs):
        sys.stdout.write("\nPress Enter to close this window.")
        sys.stdout.flush()
        sys.stdin.readline()


def main():
    if not check_python("install.py", sys.argv[1:]):
        return 1
    # With -P or PYTHONSAFEPATH, Python does not put this file's folder on the path.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        from lib.installer.command import run
    except ImportError as error:
        sys.stderr.write(
            "This folder or this Python installation is incomplete: %s.\n"
            "Unpack the whole release or clone the repository again, then run install.py there.\n" % error
        )
        return 1
    return run(sys.argv[1:])


if __name__ == "__main__":
    try:
        code = main()
    finally:
        keep_window_open(console_programs())
    sys.exit(code)
