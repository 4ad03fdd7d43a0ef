"""Full disks and folders that cannot be written to: a plain message, and the old state answers.

A disk is full twice over: every write from some call on is refused, and a file system in memory has
too little room (where one may mount it). A folder is read-only for a user who is not its owner.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crash_cases import Case, Outcome, Trial, checked, make_case
from crash_processes import Deed, Died, Victim, forked
from crash_syscalls import calls_of, changes_files, followed
from crash_tracer import Call
from crash_views import View, difference, opened_view

_GROWING = {
    "write", "pwrite64", "writev", "pwritev", "sendfile", "fallocate", "open", "openat", "mkdir",
    "mkdirat", "rename", "renameat", "link", "linkat",
}  # fmt: skip
_NOBODY = 65534
_PAGE = 4096


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    folder.chmod(0o755)  # nobody reads there, too
    case = make_case(folder / "case", random.Random(f"full {seed}"), count=10)
    calls = calls_of(case, folder / "index")
    for number in range(first, first + int(count)):
        chance = random.Random(f"full {seed} {number}")
        if number % 8 == 7:
            yield number, read_only(case, folder / "index", chance)
        elif number % 2:
            yield number, too_little_room(case, folder / "mount", chance)
        else:
            yield number, refused(case, folder / "index", chance.randint(1, calls))


def refused(case: Case, index_dir: Path, nth: int) -> Outcome:
    count = 0

    def begins(call: Call) -> int:
        nonlocal count
        if not changes_files(call, index_dir):
            return 0
        count += 1
        return errno.ENOSPC if count >= nth and call.name in _GROWING else 0

    said = followed(case, index_dir, begins)
    counted, wrong = checked(case, index_dir, said)
    return ["disks full from one call on", _ending(said), *counted], _unplain(said) + wrong


def too_little_room(case: Case, mount: Path, chance: random.Random) -> Outcome:
    mount.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(mount)], capture_output=True
    )
    if mounted.returncode:
        return ["small disks that could not be mounted"], []
    try:
        index_dir = case.index(mount / "index")
        free = shutil.disk_usage(mount).free
        left = chance.randrange(0, 400_000, _PAGE)
        (mount / "ballast").write_bytes(bytes(free - left))
        victim = Victim(case.articles, index_dir)
        victim.let_go()
        said = victim.bury()
        _, wrong_while_full = checked(case, index_dir, said, finish=False)
        (mount / "ballast").unlink()
        counted, wrong = checked(case, index_dir, said)
        # With less room than SQLite's shared memory needs, nothing can be asked, and that is said.
        refused = [one for one in wrong_while_full if one.endswith("The disk may be full.")]
        counted += ["questions refused while a disk was full"] * bool(refused)
        wrong_while_full = [one for one in wrong_while_full if one not in refused]
        wrong += _unplain(said) + [f"With {left} bytes left: {one}" for one in wrong_while_full]
        return ["small disks", _ending(said), *counted], wrong
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def read_only(case: Case, index_dir: Path, chance: random.Random) -> Outcome:
    """Questions are answered, whether or not there are caches and the log of a killed sync."""
    case.index(index_dir)
    if with_log := chance.random() < 0.5:
        victim = Victim(case.articles, index_dir)
        victim.let_go()
        while not any(deed[0] == "done" for deed in victim.said) and victim.hear():
            pass
        victim.kill()
        victim.bury()
        with_log = (index_dir / "articles.sqlite-wal").exists()
    if not (with_caches := chance.random() < 0.5):
        shutil.rmtree(index_dir / "caches", ignore_errors=True)
    expected = forked(lambda: asdict(opened_view(_copy(index_dir))))
    for path in [index_dir, *index_dir.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)

    def answered() -> dict[str, Any]:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
        return asdict(opened_view(index_dir))

    answer = forked(answered)
    for path in [index_dir, *index_dir.rglob("*")]:
        path.chmod(0o755)
    name = (
        f"read-only folders {'with' if with_caches else 'without'} caches, "
        f"{'with' if with_log else 'without'} a log"
    )
    wrong = [one.cause for one in (answer, expected) if isinstance(one, Died)]
    if not wrong and (differs := difference(View(**answer), View(**expected))):
        wrong.append(f"{name}: {differs}")
    return [name], wrong


def _copy(index_dir: Path) -> Path:
    copy = index_dir.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(index_dir, copy))


def _ending(said: list[Deed]) -> str:
    kind = said[-1][1] if said and said[-1][0] == "end" else "nothing"
    return f"ended with {kind}" if kind else "went well"


def _unplain(said: list[Deed]) -> list[str]:
    """The end that a sync came to, where it is neither a good one nor a message of our own."""
    if not said or said[-1][0] != "end":
        return ["The sync ended without a word."]
    return said[-1][2] if said[-1][1] == "traceback" else []
