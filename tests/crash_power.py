"""Lost power: what a sync did to its files is recorded, and disks are rebuilt as they could be.

What was fsynced is there. A write that was not may be lost, whole or by sectors, and sooner than an
earlier one; so may a file's new length. A name that was made, changed or deleted may be as before
until its folder is fsynced. That is harsher than most file systems are.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from crash_cases import Case, Trial, checked, make_case
from crash_processes import Victim, deeds
from crash_tracer import Call, follow

_SECTOR = 512
_TRIALS_A_RECORD = 8

#: What happened, and its arguments: ("write", path, offset, bytes), ("rename", old, new), ...
Event = tuple[Any, ...]


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    @cache
    def recorded(which: int) -> tuple[Case, list[Event]]:
        chance = random.Random(f"power {seed} {which}")
        case = make_case(folder / "case", chance, first=which % 3 == 1, count=8)
        return case, record(case, folder / "disk" / "index")

    for number in range(first, first + int(count)):
        case, events = recorded(number // _TRIALS_A_RECORD)
        chance = random.Random(f"power point {seed} {number}")
        point = chance.randint(0, len(events))
        said = b"".join(event[1] for event in events[:point] if event[0] == "said")
        target = folder / "after"
        rebuild(case.start, events[:point], target, chance)
        counted, wrong = checked(case, target / "index", deeds(said))
        yield number, (["points", *counted], wrong)


def record(case: Case, index_dir: Path) -> list[Event]:
    """What a sync from the case's start does to the folder around its index, in order."""
    disk = index_dir.parent
    disk.mkdir(exist_ok=True)
    events: list[Event] = []
    begun: dict[int, Event] = {}

    def begins(call: Call) -> int:
        if event := _event(call, disk):
            begun[id(call)] = event
        return 0

    def ends(call: Call, value: int) -> None:
        event = begun.pop(id(call), None)
        if event and value >= 0:
            kind, *arguments = event
            if call.name == "sendfile":
                with open(disk / arguments[0], "rb") as stream:
                    stream.seek(arguments[1])
                    arguments.append(stream.read(value))
            elif kind in ("write", "said"):
                arguments[-1] = arguments[-1][:value]
            events.append((kind, *arguments))

    victim = Victim(case.articles, case.index(index_dir))
    follow(victim.pid, victim.let_go, begins, ends)
    assert victim.bury(reaped=True)[-1] == ("end", "", [], "")
    return events


def _event(call: Call, disk: Path) -> Event | None:
    paths = call.paths()
    arguments = call.arguments
    if call.name == "write" and paths[0].startswith("pipe:"):
        words = call.memory(arguments[1], arguments[2])
        return ("said", words) if words.startswith(b'["') else None  # else its parser is asked
    if not all(Path(path).is_relative_to(disk) for path in paths):
        return None
    names = [str(Path(path).relative_to(disk)) for path in paths]
    match call.name:
        case "write":
            return "write", *names, call.position(), call.memory(arguments[1], arguments[2])
        case "pwrite64":
            return "write", *names, arguments[3], call.memory(arguments[1], arguments[2])
        case "sendfile":
            return "write", *names, call.position()
        case "fsync" | "fdatasync":
            return "sync", *names
        case "ftruncate":
            return "cut", *names, arguments[1]
        case "open" | "openat":
            if call.flags & os.O_TRUNC and not call.flags & os.O_CREAT:
                return "cut", *names, 0
            kind = "made empty" if call.flags & os.O_TRUNC else "made"
            return (kind, *names) if call.flags & os.O_CREAT else None
        case "mkdir" | "mkdirat":
            return "mkdir", *names
        case "rename" | "renameat":
            return "rename", *names
        case "link" | "linkat":
            return "link", *names
        case "unlink" | "unlinkat" | "rmdir":
            return "gone", *names
    raise NotImplementedError(f"{call.name} {names} cannot be replayed")


@dataclass(slots=True)
class _File:
    data: bytearray = field(default_factory=bytearray)  #: what is on the disk for certain
    waiting: list[int | tuple[int, bytes]] = field(default_factory=list)  #: lengths and writes

    def sync(self) -> None:
        for one in self.waiting:
            _apply(self.data, one)
        self.waiting.clear()

    def lose(self, chance: random.Random, kept: float) -> bytes:
        for one in self.waiting:
            if isinstance(one, int):
                if chance.random() < kept:
                    _apply(self.data, one)
                continue
            offset, written = one
            if chance.random() < 0.5 and len(self.data) < offset + len(written):
                _apply(self.data, offset + len(written))  # the length came first, without the data
            start = 0
            while start < len(written):
                end = min(len(written), start + _SECTOR - (offset + start) % _SECTOR)
                if chance.random() < kept:
                    _apply(self.data, (offset + start, written[start:end]))
                start = end
        return bytes(self.data)


def _apply(data: bytearray, one: int | tuple[int, bytes]) -> None:
    length = one if isinstance(one, int) else one[0]
    if len(data) < length:
        data.extend(bytes(length - len(data)))
    if isinstance(one, int):
        del data[length:]
    else:
        data[length : length + len(one[1])] = one[1]


@dataclass(slots=True)
class _Folder:
    names: dict[str, _File | _Folder] = field(default_factory=dict)  #: on the disk for certain
    live: dict[str, _File | _Folder] = field(default_factory=dict)  #: as processes see it
    waiting: list[dict[str, _File | _Folder | None]] = field(default_factory=list)

    def change(self, change: dict[str, _File | _Folder | None]) -> None:
        """Names that change together; None is for one that is gone."""
        self.waiting.append(change)
        _rename(self.live, change)

    def sync(self) -> None:
        for change in self.waiting:
            _rename(self.names, change)
        self.waiting.clear()

    def lose(self, chance: random.Random, kept: float) -> None:
        for change in self.waiting:
            if chance.random() < kept:
                _rename(self.names, change)


def _rename(names: dict[str, _File | _Folder], change: dict[str, _File | _Folder | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def rebuild(start: Path, events: list[Event], target: Path, chance: random.Random) -> None:
    """Make `target` a disk as it could be when the power was lost after these events."""
    disk = _Folder()
    if start.exists():
        disk.names["index"] = disk.live["index"] = _on_disk(start)

    def at(path: str) -> Any:
        node: Any = disk
        for part in Path(path).parts:
            node = node.live[part]
        return node

    for kind, path, *rest in events:
        if kind == "said":
            continue
        folder, name = at(os.path.dirname(path)), os.path.basename(path)
        if kind in ("made", "made empty"):
            if name not in folder.live:
                folder.change({name: _File()})
            elif kind == "made empty":
                folder.live[name].waiting.append(0)
        elif kind == "mkdir":
            folder.change({name: _Folder()})
        elif kind == "gone":
            folder.change({name: None})
        elif kind == "rename":
            assert os.path.dirname(rest[0]) == os.path.dirname(path)
            folder.change({name: None, os.path.basename(rest[0]): folder.live[name]})
        elif kind == "link":
            at(os.path.dirname(rest[0])).change({os.path.basename(rest[0]): at(path)})
        elif kind == "sync":
            at(path).sync()
        elif kind == "cut":
            at(path).waiting.append(rest[0])
        else:
            at(path).waiting.append(tuple(rest))
    shutil.rmtree(target, ignore_errors=True)
    _write(disk, target, chance, chance.choice([0.0, 0.5, 0.9, 1.0, chance.random()]))


def _on_disk(path: Path) -> _File | _Folder:
    if path.is_file():
        return _File(bytearray(path.read_bytes()))
    names = {one.name: _on_disk(one) for one in path.iterdir()}
    return _Folder(names, dict(names))


def _write(folder: _Folder, target: Path, chance: random.Random, kept: float) -> None:
    target.mkdir()
    folder.lose(chance, kept)
    for name, node in folder.names.items():
        if name.endswith("-shm"):
            continue  # SQLite's, in memory that is mapped: never synced, made anew by the first one
        if isinstance(node, _Folder):
            _write(node, target / name, chance, kept)
        else:
            (target / name).write_bytes(node.lose(chance, kept))
