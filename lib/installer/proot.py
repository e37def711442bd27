"""Runs a program in proot as bubblewrap would: it works in newer systems, and nothing outlives it; a program by itself.

    python3 proot.py OPTIONS… -- WORDS…          runs WORDS in `proot OPTIONS…`

proot translates the paths in the system calls that it knows. Those that are newer than it are answered with "there is
no such call", on which the C library falls back to an older one. It would wait for every process that was started
inside, and leave them behind when it is killed. SIGQUIT makes it end them, so it gets that when the program inside has
ended, and when this process ends, however it ends.
"""

import ctypes
import os
import platform
import signal
import struct
import subprocess
import sys

# For the environment of all that runs inside. proot takes the heap of a child, started by vfork, for its parent's; with
# huge pages the C library's malloc does without that heap.
SETTINGS = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=2"}
# Linux's numbers for each kind of machine: statx, faccessat2, openat2, renameat2, execveat, fchmodat2.
_CALLS = {"x86_64": (332, 439, 437, 316, 322, 452), "aarch64": (291, 439, 437, 276, 281, 452)}
_MAP = {"x86_64": 9, "aarch64": 222}
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SET_DEATH_SIGNAL, _SET_SECCOMP, _SET_NO_NEW_PRIVILEGES, _FILTER = 1, 22, 38, 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_HUGE_PAGES = 0x40000
# Where in what the filter sees: the call's number, the machine, the call's fourth argument.
_CALL, _MACHINE, _FOURTH = 0, 4, 16 + 3 * 8
_ALLOW, _NO_SUCH_CALL, _NO_MEMORY = 0x7FFF0000, 0x00050000 | 38, 0x00050000 | 12
# Through this file descriptor comes the exit code of the program inside.
_CODE = 9
_INSIDE = f'"$@" {_CODE}>&-; echo $? >&{_CODE}'


def main(arguments: list[str]) -> int:
    """Runs the program inside and returns its exit code."""
    end = arguments.index("--")
    command = ["proot", "-v", "-1", *arguments[:end], "/bin/sh", "-c", _INSIDE, "sh", *arguments[end + 1 :]]
    # The terminal sends an interruption to the program inside too, which decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _control(_SET_DEATH_SIGNAL, signal.SIGKILL)
    reading, writing = os.pipe()
    os.dup2(writing, _CODE)
    with subprocess.Popen(command, pass_fds=[_CODE], preexec_fn=_prepare) as process:
        os.close(writing)
        os.close(_CODE)
        with os.fdopen(reading) as codes:
            code = codes.readline()
        process.send_signal(signal.SIGQUIT)
        failed = process.wait()
    return int(code) if code else failed or 1


def _prepare() -> None:
    """Between fork and exec: proot ends with us, and the newer calls don't exist for what it runs."""
    # A shell starts what runs in its background with both ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    _control(_SET_DEATH_SIGNAL, signal.SIGQUIT)
    machine = platform.machine()
    if machine not in _CALLS:
        return
    program = [_statement(_LOAD, _MACHINE), _jump(_MACHINES[machine], 1, 0), _statement(_RETURN, _ALLOW)]
    program.append(_statement(_LOAD, _CALL))
    for number in _CALLS[machine]:
        program += [_jump(number, 0, 1), _statement(_RETURN, _NO_SUCH_CALL)]
    # SETTINGS has huge pages asked for; nobody is to get them.
    program += [_jump(_MAP[machine], 0, 3), _statement(_LOAD, _FOURTH), _jump(_HUGE_PAGES, 0, 1, _JUMP_IF_ANY_BIT)]
    program += [_statement(_RETURN, _NO_MEMORY), _statement(_RETURN, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    _control(_SET_NO_NEW_PRIVILEGES, 1)
    _control(_SET_SECCOMP, _FILTER, header)


def _statement(code: int, value: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, value)


def _jump(value: int, when_so: int, otherwise: int, condition: int = _JUMP_IF_EQUAL) -> bytes:
    return struct.pack("HBBI", condition, when_so, otherwise, value)


def _control(option: int, value: int, more: bytes | None = None) -> None:
    """Changes something of this process; raises OSError where that fails."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, more, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
