"""Scores of pictures on a CPU: the backends against eager PyTorch in float32, contiguous.

The two-branch detector and an EfficientNet-B4, 8 and 32 pictures of 224 x 224 at a time, CPU seconds of one thread in
turns, medians. The bar is ONNX Runtime's; its logits must equal those of the plain way to 0.001. TorchBackend is
measured beside it, as it comes.

Run: python benchmarks/picture_inference.py [--quick]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from _rows import run_alone
from _timing import medians
from mmengine.config import Config
from torch import Tensor, nn

from zoo.inference.backends.onnx_export import examples
from zoo.registry import build

ROOT = Path(__file__).resolve().parents[1]
BATCHES, SIDE, TURNS, BAR, TOLERANCE = (8, 32), 224, 5, 1.6, 1e-3
SINGLE = {
    "type": "ImageDetector",
    "backbone": {"type": "TimmBackbone", "name": "efficientnet_b4"},
    "head": {"type": "ClassificationHead", "in_channels": 1792},
    "loss": {"type": "BinaryCrossEntropyLoss"},
}


def detector(name: str, side: int) -> nn.Module:
    torch.manual_seed(0)
    config = SINGLE if name == "efficientnet_b4" else Config.fromfile(ROOT / f"configs/_base_/models/{name}.py").model
    model = build("detector", config).train()
    with (
        torch.no_grad()
    ):  # statistics of such pictures, without which an untrained network tells none apart, or explodes
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the average over all passes
                module.reset_running_stats()
        model({"image": examples(side, side, 8)})
    return model.eval()


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    batches, side, turns = ((2,), 128, 1) if quick else (BATCHES, SIDE, TURNS)
    rows = []
    for name in ("dualbranch_b4", "efficientnet_b4"):
        model = detector(name, side)
        backends = {
            "torch": build("backend", {"type": "TorchBackend", "device": "cpu"}, model=detector(name, side)),
            "onnx": build("backend", {"type": "OnnxRuntimeBackend", "device": "cpu"}, model=detector(name, side)),
        }
        for count in batches:
            images = examples(side, side, count)

            @torch.inference_mode()
            def plain(model: nn.Module = model, images: Tensor = images) -> Tensor:
                return model({"image": images})

            logits = plain()
            off = max(float((backend(images) - logits).abs().max()) for backend in backends.values())
            trials = {key: lambda run=backend, images=images: run(images) for key, backend in backends.items()}
            taken = medians({"plain": plain, **trials}, turns)
            ratio = taken["plain"] / taken["onnx"]
            each = {key: 1000 * seconds / count for key, seconds in taken.items()}
            detail = (
                f"{each['plain']:.0f} and {each['onnx']:.0f} ms a picture; TorchBackend {each['torch']:.0f} ms, "
                f"{taken['plain'] / taken['torch']:.2f} x; logits off by {off:.0e} at most, spread {logits.std():.0e}"
            )
            title = f"picture inference: {name} by {count} on ONNX Runtime"
            holds = ratio >= BAR and off <= TOLERANCE
            rows.append({"name": title, "ratio": round(ratio, 2), "bar": BAR, "holds": holds, "detail": detail})
    return rows


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
