"""Small batches that checks run on, the same in every process. Labels are 0 = real, 1 = fake.

Notation: b samples, t frames, i channels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from zoo.detectors.targets import frame_targets
from zoo.structures import ForgerySample, Segment

BATCH: Final = 4
FRAMES: Final = 9
WIDTH: Final = 12
"""Channels of the picture's and the sound's features in `streams_batch`."""
SIDE: Final = 64
"""Pixels of the pictures' sides."""


def pictures(*, side: int = SIDE, seed: int = 4) -> Tensor:
    """Four pictures of noise at several scales, uint8 [4, 3, side, side], channels last as loaders give them."""
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.rand(BATCH, 3, side >> level, side >> level, generator=generator) for level in range(4)]
    mixed = torch.stack([nn.functional.interpolate(layer, size=(side, side)) for layer in layers]).mean(dim=0)
    return (255 * mixed).to(torch.uint8).contiguous(memory_format=torch.channels_last)


def pixels(*, side: int = SIDE, seed: int = 4) -> Tensor:
    """`pictures` as float32 in [0, 1]."""
    return pictures(side=side, seed=seed).float() / 255


def features(channels: int, *, seed: int = 3) -> Tensor:
    """Four clips of noise, float32 [4, t, channels]."""
    return torch.randn(BATCH, FRAMES, channels, generator=torch.Generator().manual_seed(seed))


def masks() -> Tensor:
    """Whole clip, padded clip, clip with gaps, clip without any valid frame: bool [4, t]."""
    mask = torch.ones(BATCH, FRAMES, dtype=torch.bool)
    mask[1, 5:] = False
    mask[2, [0, 3, 4]] = False
    mask[3] = False
    return mask


def spoiled(x: Tensor, mask: Tensor) -> Tensor:
    """``x`` [b, t, i] with NaN wherever ``mask`` [b, t] is False."""
    return x.masked_fill(~mask.unsqueeze(-1), float("nan"))


def samples() -> list[ForgerySample]:
    """What is known of a batch: real and fake in turn."""
    return [
        ForgerySample(sample_id=f"clip{i}", video_id=f"clip{i}", corpus="synthetic", method="m", label=i % 2)
        for i in range(BATCH)
    ]


def streams_batch(*, seed: int = 1) -> dict[str, Tensor]:
    """Features of four clips: whole real, padded fake, real without sound, fake with gaps in the picture.

    ``visual`` and ``audio`` [4, t, `WIDTH`], ``visual_mask`` and ``audio_mask`` [4, t].
    """
    generator = torch.Generator().manual_seed(seed)
    visual_mask = torch.ones(BATCH, FRAMES, dtype=torch.bool)
    visual_mask[1, FRAMES // 2 :] = False
    audio_mask = visual_mask.clone()
    audio_mask[2] = False
    visual_mask[3, :2] = False
    noise = {name: torch.randn(BATCH, FRAMES, WIDTH, generator=generator) for name in ("visual", "audio")}
    return {
        "visual": noise["visual"].masked_fill(~visual_mask.unsqueeze(-1), 0),
        "audio": noise["audio"].masked_fill(~audio_mask.unsqueeze(-1), 0),
        "visual_mask": visual_mask,
        "audio_mask": audio_mask,
    }


def pictures_batch(*, seed: int = 4) -> dict[str, Tensor]:
    """``image``, see `pictures`."""
    return {"image": pictures(seed=seed)}


def clips_batch(*, seed: int = 4) -> dict[str, Tensor]:
    """Four clips of three `pictures`, ``image`` [4, 3, 3, h, w] and ``image_mask`` [4, 3]; the second lacks a frame."""
    mask = torch.ones(BATCH, 3, dtype=torch.bool)
    mask[1, 2] = False
    return {"image": torch.stack([pictures(seed=seed).roll(n, dims=0) for n in range(3)], dim=1), "image_mask": mask}


def outputs_and_targets(*, seed: int = 2, size: int = 6) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What a detector hands to its loss, as leaves that need gradients, and the targets.

    ``fake_logit`` [b]; for ``visual`` and ``audio``: ``X_embedding`` [b, 8], ``X_frames`` [b, t, 8] and ``X_mask``;
    what a `zoo.heads.localization.LocalizationHead` gives. Targets: ``label`` [b] and those of `zoo.detectors.targets`.
    """
    generator = torch.Generator().manual_seed(seed)

    def leaf(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).requires_grad_()

    outputs = {"fake_logit": leaf(size)}
    for modality in ("visual", "audio"):
        outputs[f"{modality}_embedding"] = leaf(size, 8)
        outputs[f"{modality}_frames"] = leaf(size, FRAMES, 8)
        outputs[f"{modality}_mask"] = torch.ones(size, FRAMES, dtype=torch.bool)
    outputs["visual_mask"][1, 4:] = False
    for name in ("frame_logits", "start_logits", "end_logits", "proposal_logits"):
        outputs[name] = leaf(size, FRAMES)
    outputs["modality_logits"] = leaf(size, FRAMES, 2)
    outputs["proposal_distances"] = (leaf(size, FRAMES, 2).detach().abs() + 0.1).requires_grad_()
    mask = torch.ones(size, FRAMES, dtype=torch.bool)
    mask[1, 7:] = False
    return outputs, {"label": torch.arange(size) % 2, **frame_targets(_clips_with_segments(size), mask)}


def _clips_with_segments(size: int) -> list[ForgerySample]:
    """Clips at 25 frames a second, real and fake in turn; of the fakes the picture, the sound or both."""
    clips = []
    for number in range(size):
        fake, kind = bool(number % 2), number // 2 % 3
        clip = ForgerySample(
            sample_id=f"clip{number}",
            video_id=f"clip{number}",
            corpus="synthetic",
            method="m",
            label=int(fake),
            video_fake=fake and kind != 1,
            audio_fake=fake and kind != 0,
            fake_segments=(Segment(0.05, 0.22),) if fake else (),
            extra={"frame_times": np.arange(FRAMES) / 25},
        )
        clips.append(clip)
    return clips
