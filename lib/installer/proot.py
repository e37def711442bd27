"""Run a program in proot with bubblewrap's guarantees: newer systems work in it, and no process outlives it.

    python3 proot.py OPTIONS… -- COMMAND…          runs COMMAND in `proot OPTIONS…`

proot translates the paths in the system calls that it knows. A seccomp filter lets newer calls fail with ENOSYS, so
that the C library falls back to older ones. proot itself waits for every process that was started inside, and leaves
them behind when it is killed. On SIGQUIT it ends them, so we send that signal when the program inside has exited, and
the kernel sends it when this process exits for whatever reason.
"""

import ctypes
import os
import platform
import signal
import struct
import subprocess
import sys

# Environment variables for everything inside. proot mistakes the heap of a vforked child for its parent's; with huge
# pages, the C library's malloc does not use that heap.
SETTINGS = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=2"}
# Linux's system call numbers for each architecture: statx, faccessat2, openat2, renameat2, execveat, fchmodat2.
_CALLS = {"x86_64": (332, 439, 437, 316, 322, 452), "aarch64": (291, 439, 437, 276, 281, 452)}
_MAP = {"x86_64": 9, "aarch64": 222}
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SET_DEATH_SIGNAL, _SET_SECCOMP, _SET_NO_NEW_PRIVILEGES, _FILTER = 1, 22, 38, 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_HUGE_PAGES = 0x40000
# Offsets in the filter's data: the call's number, the architecture, the call's fourth argument.
_CALL, _MACHINE, _FOURTH = 0, 4, 16 + 3 * 8
_ALLOW, _NO_SUCH_CALL, _NO_MEMORY = 0x7FFF0000, 0x00050000 | 38, 0x00050000 | 12
# The program's exit code is written to this file descriptor.
_CODE_FD = 9
_INSIDE = f'"$@" {_CODE_FD}>&-; echo $? >&{_CODE_FD}'


def main(arguments: list[str]) -> int:
    """Run the program inside and return its exit code."""
    end = arguments.index("--")
    command = ["proot", "-v", "-1", *arguments[:end], "/bin/sh", "-c", _INSIDE, "sh", *arguments[end + 1 :]]
    # The terminal sends SIGINT to the program inside too, which handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _control(_SET_DEATH_SIGNAL, signal.SIGKILL)
    reading, writing = os.pipe()
    os.dup2(writing, _CODE_FD)
    with subprocess.Popen(command, pass_fds=[_CODE_FD], preexec_fn=_prepare) as process:
        os.close(writing)
        os.close(_CODE_FD)
        with os.fdopen(reading) as codes:
            code = codes.readline()
        process.send_signal(signal.SIGQUIT)
        status = process.wait()
    return int(code) if code else status or 1


def _prepare() -> None:
    """Between fork and exec: have proot end with this process, and hide newer system calls from its programs."""
    # A shell starts background processes with both ignored.
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
    # SETTINGS makes malloc request huge pages; mmap denies them.
    program += [_jump(_MAP[machine], 0, 3), _statement(_LOAD, _FOURTH), _jump(_HUGE_PAGES, 0, 1, _JUMP_IF_ANY_BIT)]
    program += [_statement(_RETURN, _NO_MEMORY), _statement(_RETURN, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    _control(_SET_NO_NEW_PRIVILEGES, 1)
    _control(_SET_SECCOMP, _FILTER, header)


def _statement(code: int, value: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, value)


def _jump(value: int, if_true: int, if_false: int, condition: int = _JUMP_IF_EQUAL) -> bytes:
    return struct.pack("HBBI", condition, if_true, if_false, value)


def _control(option: int, value: int, more: bytes | None = None) -> None:
    """Call prctl for this process; raise OSError if it fails."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, more, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
