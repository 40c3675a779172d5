"""What every backend is, and what all of them check."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from zoo.errors import ConfigError, DataError


class Backend(Protocol):
    """A trained detector of pictures, ready to run.

    It is built around a detector in evaluation mode, ``Backend(model=..., device=...)``, and owns it from then on.
    ``device`` is ``auto``, ``cpu`` or a GPU's name.
    """

    device: torch.device

    def prepare(self, height: int, width: int) -> None:
        """Do now what the first batch of pictures [b, 3, height, width] would otherwise wait for.

        Raises:
            ConfigError: the backend cannot run this detector.
            MissingDependency: a package that it needs is absent.
        """
        ...

    def __call__(self, images: Tensor) -> Tensor:
        """Fake logits, float32 [b] on the CPU, of ``images``, uint8 [b, 3, h, w] in RGB, on the CPU.

        Raises:
            DataError: no batch of such pictures.
        """
        ...


def require_pictures(images: Tensor) -> None:
    """Raise `DataError` unless ``images`` is uint8 [b, 3, h, w] with pixels in it."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
        raise DataError(
            f"A batch of pictures is uint8 [b, 3, h, w], not {str(images.dtype).removeprefix('torch.')} "
            f"{list(images.shape)}.",
            where="images",
        )


def require_evaluation_mode(model: torch.nn.Module) -> None:
    """Raise `ConfigError` where ``model`` is in training mode: dropout and batch statistics would enter the scores."""
    if model.training:
        raise ConfigError(
            "The detector is in training mode.",
            where=type(model).__name__,
            next_step="Call eval() on it first; zoo.load_model does.",
        )


def resolve_device(device: str) -> torch.device:
    """The device called ``device``; ``auto`` is the current GPU where there is one, else the CPU.

    Raises:
        ConfigError: no such device.
    """
    if device == "auto":
        return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"There is no device {device!r}.", next_step="Use auto, cpu or cuda:0.") from error
    if found.type not in ("cpu", "cuda"):
        raise ConfigError(f"Detectors do not run on {device!r}.", next_step="Use auto, cpu or cuda:0.")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"There is no device {device!r}: {torch.cuda.device_count()} GPUs are visible.",
            next_step="Use auto or cpu.",
        )
    return found
