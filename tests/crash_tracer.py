"""Follow a process with ptrace through its system calls on files, to end it, fail it or record it.

strace can inject faults, too, but counts each call by thread and by name, so that it never reaches
some of tantivy's; here one count goes through all threads and names. What is written to mapped
memory goes unseen. Linux on x86-64 only.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: The calls that change files or make them durable, by their number on x86-64.
_NAMES = {
    1: "write",
    2: "open",
    18: "pwrite64",
    20: "writev",
    40: "sendfile",
    74: "fsync",
    75: "fdatasync",
    76: "truncate",
    77: "ftruncate",
    82: "rename",
    83: "mkdir",
    84: "rmdir",
    86: "link",
    87: "unlink",
    257: "openat",
    258: "mkdirat",
    263: "unlinkat",
    264: "renameat",
    265: "linkat",
    285: "fallocate",
    296: "pwritev",
    316: "renameat2",
    326: "copy_file_range",
}
_BY_DESCRIPTOR = {
    "write", "pwrite64", "writev", "pwritev", "sendfile", "copy_file_range", "fsync", "fdatasync",
    "ftruncate", "fallocate",
}  # fmt: skip
_TWO_PATHS = {"rename", "renameat", "renameat2", "link", "linkat"}

_SYSCALL, _POKEUSER, _SEIZE, _INTERRUPT, _GET_SYSCALL_INFO = 24, 6, 0x4206, 0x4207, 0x420E
_TRACE_SYSCALLS, _TRACE_CLONES, _KILL_ON_EXIT = 0x1, 0x8, 0x100000
_WAIT_ALL = 0x40000000
_AT_FDCWD = -100
_RAX, _ORIG_RAX = 80, 120  # offsets in struct user

KILL = -1


@dataclass(slots=True)
class Call:
    """A system call on files by the process `pid`."""

    pid: int
    name: str
    arguments: tuple[int, ...]

    def paths(self) -> list[str]:
        """The absolute paths it is about: two for a rename or link. A pipe is `pipe:[...]`."""
        if self.name in _BY_DESCRIPTOR:
            return [self._path_of(self.arguments[2 * (self.name == "copy_file_range")])]
        if not self.name.endswith(("at", "at2")):
            return [self._path(_AT_FDCWD, one) for one in self.arguments[: 1 + self._two]]
        first = [self._path(*self.arguments[:2])]
        return first + ([self._path(*self.arguments[2:4])] if self._two else [])

    @property
    def _two(self) -> bool:
        return self.name in _TWO_PATHS

    @property
    def flags(self) -> int:
        """With which a file is opened."""
        return self.arguments[2 if self.name == "openat" else 1]

    def _path_of(self, descriptor: int) -> str:
        return os.readlink(f"/proc/{self.pid}/fd/{descriptor}")

    def position(self) -> int:
        """Where in its file the descriptor stands."""
        with open(f"/proc/{self.pid}/fdinfo/{self.arguments[0]}") as stream:
            return int(stream.readline().split()[1])

    def memory(self, address: int, size: int) -> bytes:
        memory = os.open(f"/proc/{self.pid}/mem", os.O_RDONLY)
        try:
            return os.pread(memory, size, address)
        finally:
            os.close(memory)

    def _path(self, folder: int, address: int) -> str:
        page = 4096 - address % 4096  # the next page may not be mapped
        text = self.memory(address, page)
        if b"\0" not in text:
            text += self.memory(address + page, 4096)
        path = os.fsdecode(text.split(b"\0")[0])
        folder = ctypes.c_int(folder).value
        base = f"/proc/{self.pid}/cwd" if folder == _AT_FDCWD else f"/proc/{self.pid}/fd/{folder}"
        return os.path.normpath(os.path.join(os.readlink(base), path))


def why_not() -> str:
    """Why processes cannot be followed here; "" where they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "it needs Linux on x86-64"
    pid = os.fork()
    if not pid:
        signal.pause()
    try:
        _ptrace(_SEIZE, pid)
        return ""
    except OSError as error:
        return f"no process can be followed here: {error.strerror}"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def follow(
    pid: int,
    let_go: Callable[[], None],
    begins: Callable[[Call], int],
    ends: Callable[[Call, int], None] = lambda call, value: None,
) -> int:
    """Follow a child and its threads to their end and return its wait status.

    `begins` is asked before each call on files: 0 lets it happen, an error number makes it fail
    with that, KILL ends the process in place of it. `ends` is told what a call returned.
    """
    calls: dict[int, tuple[Call, int]] = {}
    _ptrace(_SEIZE, pid, 0, _TRACE_SYSCALLS | _TRACE_CLONES | _KILL_ON_EXIT)
    _ptrace(_INTERRUPT, pid)
    let_go()
    while True:
        thread, status = os.waitpid(-1, _WAIT_ALL)
        if not os.WIFSTOPPED(status):
            if thread == pid:
                return status
            continue
        stop = os.WSTOPSIG(status)
        passed_on = 0
        try:
            if stop == signal.SIGTRAP | 0x80:
                _at_call(pid, thread, calls, begins, ends)
            elif not status >> 16:
                passed_on = stop
            _ptrace(_SYSCALL, thread, 0, passed_on)
        except ProcessLookupError:
            pass  # killed meanwhile


def _at_call(
    pid: int,
    thread: int,
    calls: dict[int, tuple[Call, int]],
    begins: Callable[[Call], int],
    ends: Callable[[Call, int], None],
) -> None:
    info = ctypes.create_string_buffer(88)
    _ptrace(_GET_SYSCALL_INFO, thread, len(info), ctypes.addressof(info))
    (is_end,) = struct.unpack_from("B", info)
    if is_end == 2:
        if thread in calls:
            call, error = calls.pop(thread)
            if error:
                _ptrace(_POKEUSER, thread, _RAX, -error)
            else:
                ends(call, struct.unpack_from("q", info, 24)[0])
        return
    number, *arguments = struct.unpack_from("7Q", info, 24)
    if number not in _NAMES:
        return
    call = Call(pid, _NAMES[number], tuple(arguments))
    error = begins(call)
    if error == KILL:
        os.kill(pid, signal.SIGKILL)
        return
    if error:
        _ptrace(_POKEUSER, thread, _ORIG_RAX, -1)
    calls[thread] = call, error


def _ptrace(request: int, thread: int, address: Any = 0, data: Any = 0) -> None:
    if _libc.ptrace(request, thread, ctypes.c_void_p(address), ctypes.c_void_p(data)) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


_libc = ctypes.CDLL(None, use_errno=True)
if hasattr(_libc, "ptrace"):
    _libc.ptrace.restype = ctypes.c_long
