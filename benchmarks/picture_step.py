"""One training step on pictures against the plain way, for EfficientNet-B4, Xception and ResNet-34.

Forward, backward and AdamW on 8 pictures of 224 x 224. The plain way is the timm model in float32, contiguous, with
`torch.optim.AdamW` as it comes. Ours is an `ImageDetector` on uint8 pictures as loaders give them, prepared by the
precision policy that ``auto`` picks on this machine, and the step that a run makes: `train_step` through
`PrecisionOptimWrapper` with fused AdamW. CPU seconds of one thread, in turns, medians.

Run: python benchmarks/picture_step.py [--quick]
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import timm
import torch
import torch.nn.functional as F
from _rows import at_least, run_alone
from _timing import medians

from zoo.engine.optim import PrecisionOptimWrapper
from zoo.engine.precision import PrecisionPolicy
from zoo.registry import build
from zoo.structures import ForgerySample

MODELS = {"efficientnet_b4": (1792, 1.6), "legacy_xception": (2048, 1.8), "resnet34": (512, 1.8)}  # channels, bar
PICTURES, SIDE, TURNS = 8, 224, 7

Step = Callable[[], object]


def plain_step(name: str, pictures: int, side: int) -> Step:
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=1).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    images = torch.randn(pictures, 3, side, side)
    labels = torch.arange(pictures).remainder(2).float()

    def step() -> None:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(images).squeeze(1), labels).backward()
        optimizer.step()

    return step


def our_step(name: str, channels: int, pictures: int, side: int) -> tuple[Step, str]:
    """The step, and what the policy made of the model."""
    torch.manual_seed(0)
    model = build(
        "detector",
        {
            "type": "ImageDetector",
            "backbone": {"type": "TimmBackbone", "name": name},
            "head": {"type": "ClassificationHead", "in_channels": channels},
            "loss": {"type": "BinaryCrossEntropyLoss"},
        },
    ).train()
    policy = PrecisionPolicy()
    kept = policy.prepare(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    wrapper = PrecisionOptimWrapper(optimizer, precision=policy)
    samples = [
        ForgerySample(sample_id=str(i), video_id=str(i), corpus="synthetic", method="none", label=i % 2)
        for i in range(pictures)
    ]
    image = torch.randint(0, 256, (pictures, side, side, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    batch = {"inputs": {"image": image}, "data_samples": samples}
    return lambda: model.train_step(batch, wrapper), f"{wrapper.precision}, {len(kept)} layers kept in fp32"


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    pictures, side, turns = (2, 96, 1) if quick else (PICTURES, SIDE, TURNS)
    rows = []
    for name, (channels, bar) in MODELS.items():
        ours, what = our_step(name, channels, pictures, side)
        taken = medians({"plain": plain_step(name, pictures, side), "ours": ours}, turns)
        ratio = taken["plain"] / taken["ours"]
        detail = f"{taken['plain']:.2f} s and {taken['ours']:.2f} s ({what})"
        title = f"picture step: {name} against the plain way"
        rows.append(at_least(title, ratio, bar, detail))
    return rows


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
