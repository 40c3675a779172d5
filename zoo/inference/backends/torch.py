"""PyTorch as it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.engine.precision import autocast_to, resolve_precision
from zoo.inference.backends.base import require_evaluation_mode, require_pictures, resolve_device


class TorchBackend:
    """The detector itself, without gradients, its pictures and convolutions in the memory format channels-last.

    Args:
        model: a detector of pictures, in evaluation mode.
        device: ``auto``, ``cpu`` or a GPU's name.
        precision: ``fp32``, whose scores are the same on every machine but for rounding; ``bf16`` or ``fp16``, faster
            and off by about 1%; or ``auto``, the fastest that the device has.

    Raises:
        ConfigError: training mode, no such device or precision.
    """

    def __init__(self, *, model: nn.Module, device: str = "auto", precision: str = "fp32"):
        require_evaluation_mode(model)
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision, self.device.type)
        self.model = model.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare(self, height: int, width: int) -> None:
        """Nothing: any size of picture is taken as it comes."""

    def __call__(self, images: Tensor) -> Tensor:
        """Fake logits, float32 [b] on the CPU, of ``images``, uint8 [b, 3, h, w] in RGB.

        Raises:
            DataError: no batch of such pictures.
        """
        require_pictures(images)
        if not len(images):
            return torch.zeros(0)
        pictures = images.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), autocast_to(self.precision, self.device.type):
            return self.model({"image": pictures}).float().cpu()
