"""One run a folder: an owner file with a heartbeat, on network file systems too.

File locks lie on network file systems, so the owner is a file: it appears whole or not at all (a hard link is atomic on
all of them), and its modification time is the heartbeat, read by the file system's own clock.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from zoo.errors import WorkDirError
from zoo.files import atomic_write

OWNER_FILE: Final = "owner.json"
HEARTBEAT_S: Final = 15.0
STALE_S: Final = 180.0
"""A run of another machine whose heartbeat is older than this is taken for dead."""
_POLL_S: Final = 0.01

_held: dict[Path, Ownership] = {}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a work directory. ``machine`` tells apart hosts, reboots and containers; times are Unix seconds."""

    host: str
    machine: str
    pid: int
    process_start: str | None
    since: float
    token: str

    def describe(self) -> str:
        """``process 4711 on node-3, since 2026-01-31 14:05:09``."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host}, since {since}"


class Ownership:
    """A held work directory; `own` makes these."""

    def __init__(self, work_dir: Path, owner: Owner):
        self.work_dir = work_dir
        self.owner = owner
        self._lost_to: str | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="work-dir-owner", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise if another run has taken the directory, which happens when this one was frozen for minutes.

        Raises:
            WorkDirError: the directory is no longer ours.
        """
        if self._lost_to is not None:
            raise WorkDirError(
                f"The work directory was taken over by {self._lost_to} while this run gave no sign of life.",
                where=self.work_dir,
                next_step="Let that run go on, or stop it and continue this one.",
            )

    def release(self) -> None:
        """Give the directory back; it can be owned again at once."""
        self._ended.set()
        self._thread.join()
        _held.pop(self.work_dir, None)
        if read_owner(self.work_dir) == self.owner:
            (self.work_dir / OWNER_FILE).unlink(missing_ok=True)

    def _beat(self) -> None:
        path = self.work_dir / OWNER_FILE
        while not self._ended.wait(HEARTBEAT_S):
            try:
                other = read_owner(self.work_dir)
                if other is None:
                    continue
                if other.token != self.owner.token:
                    self._lost_to = other.describe()
                    return
                os.utime(path)
            except OSError as error:  # a network file system that is away for a while
                logging.getLogger("zoo").warning("No heartbeat in %s: %s", self.work_dir, error)


@contextmanager
def folder_owner(folder: str | os.PathLike) -> Iterator[Ownership]:
    """Own ``folder`` for the length of the block. A block within another that holds it already changes nothing.

    Raises:
        WorkDirError: see `own`.
    """
    there = held(folder)
    ownership = there or own(folder)
    try:
        yield ownership
    finally:
        if there is None:
            ownership.release()


def own(work_dir: str | os.PathLike) -> Ownership:
    """Become the owner of ``work_dir``, which is made if absent.

    The directory of a dead owner is taken over: one whose process is gone on this machine, or one of another machine
    without a heartbeat for `STALE_S` seconds.

    Raises:
        WorkDirError: a living run owns it, or it cannot be written.
    """
    folder = Path(work_dir).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        owner = _claim(folder)
        _sweep(folder)
    except OSError as error:
        raise WorkDirError(
            f"Cannot use the work directory: {error.strerror or error}.",
            where=folder,
            next_step="Choose another, or mend its permissions.",
        ) from error
    _held[folder] = Ownership(folder, owner)
    return _held[folder]


def held(work_dir: str | os.PathLike) -> Ownership | None:
    """This process's ownership of ``work_dir``, if it has it."""
    return _held.get(Path(work_dir).resolve())


def read_owner(work_dir: str | os.PathLike) -> Owner | None:
    """The owner that ``work_dir`` names, dead or alive; None if it names none."""
    return _read(Path(work_dir) / OWNER_FILE)


def _read(path: Path) -> Owner | None:
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _claim(folder: Path) -> Owner:
    mine = Owner(
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        process_start=_process_start(os.getpid()),
        since=time.time(),
        token=uuid.uuid4().hex,
    )
    path = folder / OWNER_FILE
    proposal = folder / f"{OWNER_FILE}.{mine.token}"
    try:
        with atomic_write(proposal, "w") as file:
            json.dump(asdict(mine), file)
        while True:
            try:
                _publish(proposal, path)
            except FileExistsError:
                _remove_if_dead(path, now=proposal.stat().st_mtime)
            else:
                return mine
    finally:
        proposal.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed while they claimed ``folder`` left there."""
    now = (folder / OWNER_FILE).stat().st_mtime
    for path in folder.glob(f"{OWNER_FILE}.*"):
        if now - path.stat().st_mtime > STALE_S:
            path.unlink(missing_ok=True)


def _publish(proposal: Path, path: Path) -> None:
    """Give ``proposal`` the name ``path`` as well, unless that exists (FileExistsError)."""
    try:
        os.link(proposal, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with open(path, "x", encoding="utf-8") as file:
            file.write(proposal.read_text(encoding="utf-8"))


def _remove_if_dead(path: Path, *, now: float) -> None:
    """Remove the owner file of a dead run; ``now`` is the time by the clock of its file system.

    Raises:
        WorkDirError: its run is alive.
    """
    # Several runs may find the same dead owner. Only the holder of the lock judges and removes, so no run can remove
    # what another has put in the dead one's place meanwhile.
    lock = path.with_name(f"{path.name}.takeover")
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        with suppress(FileNotFoundError):
            if now - lock.stat().st_mtime > STALE_S:  # its holder was killed
                lock.unlink()
        time.sleep(_POLL_S)
        return
    try:
        owner = read_owner(path.parent)
        with suppress(FileNotFoundError):
            if _lives(owner, heartbeat_age=now - path.stat().st_mtime):
                who = owner.describe() if owner else "its owner file is not readable"
                raise WorkDirError(
                    f"Another run owns the work directory: {who}.",
                    where=path.parent,
                    next_step="Wait for it or stop it, or choose another folder.",
                )
            path.unlink()
    finally:
        lock.unlink(missing_ok=True)


def _lives(owner: Owner | None, *, heartbeat_age: float) -> bool:
    if owner is not None and owner.machine == _machine():
        start = _process_start(owner.pid)
        return start is not None and start == owner.process_start
    return heartbeat_age < STALE_S


def _machine() -> str:
    """Host, boot and process namespace: within one of these, a process id means the same thing."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no Linux
        boot = namespace = ""
    return f"{socket.gethostname()} {boot} {namespace}".strip()


def _process_start(pid: int) -> str | None:
    """When process ``pid`` started, in the kernel's own words; None if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    try:  # no Linux: the process id alone
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "unknown"
