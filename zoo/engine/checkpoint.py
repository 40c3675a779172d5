"""Checkpoint files: written whole or not at all, read without running code, found again after a crash.

Two forms, both ``.pth`` files of tensors and plain types that load with ``weights_only=True``:

- ``zoo-training``: everything that a run needs to go on as if it had never stopped (`zoo.engine.state`).
- ``zoo-published``: weights, architecture, label contract, provenance and figures; also as ``.safetensors``.

Beside each lies ``<name>.sha256``, in the format of ``sha256sum``.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final, cast

import safetensors.torch
import torch
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from torch import nn

from zoo.engine.digests import check_digest, digest_path, write_with_digest
from zoo.engine.plain import plain
from zoo.errors import CheckpointError
from zoo.files import atomic_write
from zoo.structures import LABEL_NAMES

TRAINING: Final = "zoo-training"
PUBLISHED: Final = "zoo-published"
VERSION: Final = 1
LAST: Final = "last_checkpoint"
LABELS: Final[Mapping[str, int]] = {name: index for index, name in enumerate(LABEL_NAMES)}

_NAME = re.compile(r"^epoch_\d+_iter_(\d+)\.pth$")


def checkpoint_name(epoch: int, iteration: int) -> str:
    """File name of a training checkpoint after ``epoch`` whole epochs and ``iteration`` iterations in all."""
    return f"epoch_{epoch:04d}_iter_{iteration:08d}.pth"


def save_checkpoint(path: str | os.PathLike, state: Mapping[str, Any]) -> Path:
    """Write ``state`` and its digest; what was at ``path`` before stays until the new file is complete.

    Raises:
        CheckpointError: ``state`` holds something that is neither tensor nor plain type.
        WorkDirError: the folder cannot be written or the disk is full; the old file is intact.
    """
    path = Path(path)
    state = plain(state)
    with write_with_digest(path) as file:
        try:
            torch.save(state, cast(IO[bytes], file))
        except RuntimeError:
            if file.error is not None:  # torch hides the file's own error, a full disk for example
                raise file.error from None
            raise
    return path


def read_checkpoint(path: str | os.PathLike, *, expect: str | None = None) -> dict[str, Any]:
    """The dict in a ``.pth`` file, on the CPU. Nothing in the file is executed.

    Args:
        path: a file of ours or any zip-format ``torch.save`` of a dict of tensors and plain types.
        expect: `TRAINING` or `PUBLISHED` when only that form will do.

    Raises:
        CheckpointError: missing, truncated, of another digest, compressed, holding code, or of another form.
    """
    path = Path(path)
    verify(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile or broken pickle can raise anything
        raise CheckpointError(
            f"Not a safe checkpoint: {_first_line(error)}",
            where=path,
            next_step="Files may hold tensors and plain types only; nothing in this one was executed. "
            "Take a checkpoint from a source you trust, or convert it where it was made.",
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"The checkpoint holds a {type(state).__name__}, not a dict.", where=path)
    form = state.get("format")
    if expect is not None and form != expect:
        found = f"a {form!r} file" if form else "a file of another program"
        raise CheckpointError(f"A {expect!r} checkpoint is needed; this is {found}.", where=path)
    if form in (TRAINING, PUBLISHED) and state["version"] > VERSION:
        raise CheckpointError("The checkpoint was written by a newer zoo.", where=path, next_step="Update zoo.")
    return state


def verify(path: str | os.PathLike) -> None:
    """Check that a ``.pth`` file is whole: its digest, or where none lies beside it the checksums in the archive.

    Raises:
        CheckpointError: it is not, or it is compressed (a small file could unpack to any size).
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError("No such checkpoint.", where=path)
    has_digest = check_digest(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise CheckpointError("The checkpoint is compressed, which is refused.", where=path)
            if sum(member.file_size for member in members) > path.stat().st_size:
                raise CheckpointError("The records of the checkpoint claim more bytes than it has.", where=path)
            damaged = None if has_digest else archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"Not a whole checkpoint: {_first_line(error)}",
            where=path,
            next_step="The file is truncated, or of a format older than torch 1.6.",
        ) from error
    if damaged is not None:
        raise CheckpointError(f"The checkpoint is damaged at record {damaged}.", where=path)


def training_checkpoints(work_dir: str | os.PathLike) -> list[Path]:
    """The training checkpoints of a run, oldest first, whole or not."""
    found = [(match, path) for path in Path(work_dir).glob("epoch_*.pth") if (match := _NAME.match(path.name))]
    return [path for _, path in sorted(found, key=lambda item: int(item[0][1]))]


def point_at(path: Path) -> None:
    """Make ``path`` the checkpoint that its work directory resumes from."""
    with atomic_write(path.with_name(LAST), "w") as file:
        file.write(f"{path.name}\n")


def newest_valid(work_dir: str | os.PathLike) -> Path | None:
    """The training checkpoint to resume: the one that ``last_checkpoint`` names or else the newest, if whole.

    Damaged ones are passed over with a warning. None if there is nothing to resume.
    """
    pointer = Path(work_dir, LAST)
    named = pointer.read_text(encoding="utf-8", errors="replace").strip() if pointer.is_file() else None
    candidates = sorted(training_checkpoints(work_dir), key=lambda path: path.name == named)
    for path in reversed(candidates):
        try:
            verify(path)
        except CheckpointError as error:
            print_log(f"Passing over a damaged checkpoint.\n{error}", logger="current", level=logging.WARNING)
        else:
            return path
    return None


def delete_checkpoint(path: str | os.PathLike) -> None:
    """Remove a checkpoint and its digest."""
    Path(path).unlink(missing_ok=True)
    digest_path(Path(path)).unlink(missing_ok=True)


def publish(
    source: str | os.PathLike | Mapping[str, Any], out: str | os.PathLike, *, metrics: Mapping[str, float] | None = None
) -> Path:
    """Write the portable form: enough to rebuild the model anywhere, nothing that only training needs.

    Args:
        source: a training checkpoint, its path, or what `read_published` returned. Averaged weights are preferred.
        out: ``*.pth`` or ``*.safetensors``; both hold the same things.
        metrics: figures of these weights; by default those in ``source``.
    """
    out = Path(out)
    state = source if isinstance(source, Mapping) else read_published(source)
    published = _published_form(state, where=out)
    if metrics is not None:
        published["metrics"] = _figures(metrics)
    if out.suffix != ".safetensors":
        return save_checkpoint(out, published)
    weights = {name: tensor.contiguous().clone() for name, tensor in published.pop("state_dict").items()}
    data = safetensors.torch.save(weights, metadata={"zoo": json.dumps(published, allow_nan=False)})
    with write_with_digest(out) as file:
        file.write(data)
    return out


def read_published(path: str | os.PathLike) -> dict[str, Any]:
    """The published form in a ``.pth``, a ``.safetensors`` or a training checkpoint.

    Returns:
        ``format``, ``version``, ``state_dict`` (name to tensor), ``architecture`` (the model's config), ``labels``
        (``{"real": 0, "fake": 1}``), ``provenance`` (of the training data), ``metrics`` (None where undefined),
        ``epoch``, ``iteration`` and ``zoo_version``.

    Raises:
        CheckpointError: see `read_checkpoint`; or the file is none of ours.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _published_form(read_checkpoint(path), where=path)


def load_weights(model: nn.Module, state_dict: Mapping[str, torch.Tensor], *, where: object = None) -> None:
    """Load every tensor of ``state_dict`` into ``model``.

    Raises:
        CheckpointError: a tensor is missing, left over or of another shape; the model is unchanged.
    """
    wanted = model.state_dict()
    missing = [f"missing {name}" for name in wanted if name not in state_dict]
    extra = [f"unexpected {name}" for name in state_dict if name not in wanted]
    shapes = [
        f"{name} is {list(state_dict[name].shape)} and should be {list(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state_dict and state_dict[name].shape != tensor.shape
    ]
    if wrong := missing + extra + shapes:
        listed = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise CheckpointError(
            f"The weights do not fit the model: {listed}.",
            where=where,
            next_step="Build the model from the architecture that the checkpoint carries.",
        )
    model.load_state_dict(state_dict)


def _published_form(state: Mapping[str, Any], *, where: Path) -> dict[str, Any]:
    form = state.get("format")
    if form not in (TRAINING, PUBLISHED):
        raise CheckpointError(
            "Not a checkpoint of zoo: it carries no architecture.",
            where=where,
            next_step="Checkpoints of other programs are imported with tools/convert.py.",
        )
    if form == PUBLISHED:
        if state["labels"] != LABELS:
            raise CheckpointError(f"Labels are {state['labels']}, not {dict(LABELS)}.", where=where)
        return dict(state)
    meta = state["meta"]
    return {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": state.get("ema_state_dict") or state["state_dict"],
        "architecture": meta["architecture"],
        "labels": dict(LABELS),
        "provenance": meta["provenance"],
        "metrics": _figures(meta["metrics"]),
        "epoch": meta["epoch"],
        "iteration": meta["iter"],
        "zoo_version": version("deepfake-zoo"),
    }


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """``metrics`` with None for what is not finite, since JSON has no such numbers."""
    values = plain(metrics).items()
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values}


def _read_safetensors(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError("No such checkpoint.", where=path)
    check_digest(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("zoo", "{}"))
            header["state_dict"] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"Not a readable safetensors file: {_first_line(error)}", where=path) from error
    return _published_form(header, where=path)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
