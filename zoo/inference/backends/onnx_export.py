"""A detector of pictures as an ONNX graph, in a cache of graphs that are known by what they compute."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from zoo.assets import cache_folder
from zoo.errors import ConfigError, MissingDependency
from zoo.files import atomic_write, sweep_partial_files

INPUT: Final = "images"
"""Name of the graph's input, uint8 [b, 3, h, w]. Its only output is float32 [b]."""
EXAMPLES: Final = 3
KEPT: Final = 6
_NEEDED: Final = ("onnx", "onnxscript")


class _Logits(nn.Module):
    """The ``tensor`` mode of a detector as a function of its pictures alone."""

    def __init__(self, detector: nn.Module):
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> Tensor:
        return self.detector({"image": images}).float()


def examples(height: int, width: int, count: int = EXAMPLES) -> Tensor:
    """Different pictures of noise, coarse and fine, uint8 [count, 3, height, width]; always the same."""
    generator = torch.Generator().manual_seed(0)
    levels = [torch.rand(count, 3, side, side, generator=generator) for side in (2, 16)]
    levels.append(torch.rand(count, 3, height, width, generator=generator))
    noise = torch.stack([nn.functional.interpolate(level, size=(height, width)) for level in levels])
    return (255 * noise.mean(dim=0)).to(torch.uint8)


def graph_path(model: nn.Module, height: int, width: int) -> Path:
    """Where the graph of ``model`` for pictures of this size lies in zoo's cache, or will."""
    digest = hashlib.sha256()
    packages = [f"{name} {version(name)}" for name in ("deepfake-zoo", "torch", *_NEEDED)]
    digest.update("\n".join([*packages, f"{height} x {width}", repr(model)]).encode())
    for name, tensor in sorted([*model.named_parameters(), *model.named_buffers()]):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {list(array.shape)}".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().data)
    return cache_folder() / "onnx" / f"{digest.hexdigest()}.onnx"


def export(model: nn.Module, height: int, width: int, path: Path) -> None:
    """Write the graph of ``model`` for pictures of one size, in any number, as one file.

    The cache folder keeps the graphs that were used last, `KEPT` of them.

    Args:
        model: a detector of pictures on the CPU, in evaluation mode.
        height, width: of the pictures, in pixels.
        path: of the file, which is whole or absent.

    Raises:
        ConfigError: the model does something that has no ONNX operator, or is too large for one file.
        MissingDependency: onnx or onnxscript is absent.
        WorkDirError: the file cannot be written.
    """
    for package in _NEEDED:
        require_package(package)
    pictures = examples(height, width)
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                _Logits(model).eval(),
                (pictures,),
                input_names=[INPUT],
                output_names=["fake_logit"],
                dynamic_shapes=({0: torch.export.Dim("pictures", min=1)},),
                dynamo=True,
                verbose=False,
            )
            assert program is not None  # it is None for the older exporter only
            content = program.model_proto.SerializeToString()
    except Exception as error:  # the exporter hands through whatever its stages raise
        raise cannot_run(model, f"cannot be written as an ONNX graph: {_reason(error)}") from error
    with atomic_write(path) as file:
        file.write(content)
    _forget(path.parent)


def cannot_run(model: nn.Module, why: str) -> ConfigError:
    """The error for a model that ONNX Runtime cannot stand in for."""
    return ConfigError(
        f"The model {why}.",
        where=type(model).__name__,
        next_step="Use TorchBackend, which runs every model (--backend torch).",
    )


def require_package(name: str) -> None:
    """Raise `MissingDependency` where the package ``name`` of the extra ``onnx`` cannot be imported."""
    try:
        __import__(name)
    except ImportError as error:
        raise MissingDependency.extra(name, "onnx", where="OnnxRuntimeBackend") from error


def _reason(error: BaseException) -> str:
    """The first line of the error that began it all."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:300]


def _forget(folder: Path) -> None:
    """Remove all but the graphs that were used last."""
    sweep_partial_files(folder)
    graphs = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in graphs[KEPT:]:
        path.unlink(missing_ok=True)


def mark_used(path: Path) -> None:
    """Note that a graph of the cache is in use; a cache that cannot be written stays as it is."""
    if os.access(path, os.W_OK):
        os.utime(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on its own workings."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
