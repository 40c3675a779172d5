"""What a localizing detector is trained towards, frame by frame, out of the samples' fake segments.

A frame lies in a segment from the instant of its start to before that of its end. A boundary between two frames is
shared out to both by how near they are, so that its place can be read from them again.

Notation: b clips, t frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from zoo.detectors.segment_times import places_of
from zoo.errors import DataError
from zoo.structures import REAL, ForgerySample, Segment

UNKNOWN: Final = -1.0
NAMES: Final = frozenset({"frame_label", "start_label", "end_label", "segment_distances", "modality_label"})
"""Targets that a loss may name in its ``reads``, beside ``label``."""


def frame_targets(samples: Sequence[ForgerySample], mask: Tensor) -> dict[str, Tensor]:
    """Targets of b samples whose frames are valid where ``mask`` [b, t] is True.

    Returns:
        ``frame_label`` float32 [b, t]: 0 real, 1 fake, -1 not known or not valid. ``start_label`` and ``end_label``
        [b, t] in [0, 1]: how near the frame is to a start or an end, 1 at its instant, 0 from one frame away; -1 as
        before. ``segment_distances`` [b, t, 2]: frames to the start and to the end of the segment that the frame lies
        in, 0 elsewhere; what is cut off by the window ends with it. ``modality_label`` [b, t, 2]: the same as
        ``frame_label`` for picture and sound apart, -1 also where it is not told which of them is fake.

    Raises:
        DataError: a sample has segments and no times of its frames.
    """
    valid = mask.cpu().numpy()
    shape = valid.shape
    targets = {name: np.full(shape, UNKNOWN, np.float32) for name in ("frame_label", "start_label", "end_label")}
    targets["segment_distances"] = np.zeros((*shape, 2), np.float32)
    targets["modality_label"] = np.full((*shape, 2), UNKNOWN, np.float32)
    for row, sample in enumerate(samples):
        if (segments := truth_of(sample)) is not None:
            _fill({name: values[row] for name, values in targets.items()}, sample, segments)
    for name, values in targets.items():
        values[~valid] = 0.0 if name == "segment_distances" else UNKNOWN
    return {name: torch.from_numpy(values).to(mask.device) for name, values in targets.items()}


def truth_of(sample: ForgerySample) -> tuple[Segment, ...] | None:
    """The fake segments of ``sample``: none of a genuine one, None where they are not known."""
    return () if sample.fake_segments is None and sample.label == REAL else sample.fake_segments


def _fill(targets: Mapping[str, np.ndarray], sample: ForgerySample, segments: Sequence[Segment]) -> None:
    frames = len(targets["frame_label"])
    number = np.arange(frames, dtype=np.float64)
    for name in ("frame_label", "start_label", "end_label"):
        targets[name][:] = 0.0
    fake = _modalities(sample)
    for column, flag in enumerate(fake):
        targets["modality_label"][:, column] = UNKNOWN if flag is None and segments else 0.0
    if not segments:
        return
    if (times := sample.extra.get("frame_times")) is None:
        raise DataError(
            "The sample has fake segments, and it is not known when its frames are.",
            where=sample.sample_id,
            next_step="Use a feature store; a tree of npz files without fps has no times.",
        )
    edges = places_of(np.array([(segment.start_s, segment.end_s) for segment in segments]), times)
    for segment, (start, end) in zip(segments, edges, strict=True):
        inside = (number >= start) & (number < end)
        targets["frame_label"][inside] = 1.0
        first, last = max(start, 0.0), min(end, float(frames))
        targets["segment_distances"][inside] = np.stack((number - first, last - number), axis=1)[inside]
        for name, place in (("start_label", start), ("end_label", end)):
            np.maximum(targets[name], np.clip(1 - np.abs(number - place), 0, 1), out=targets[name])
        for column, (name, flag) in enumerate(zip(("video", "audio"), fake, strict=True)):
            if segment.modality is not None:
                targets["modality_label"][inside, column] = float(segment.modality == name)
            elif flag is not None:
                targets["modality_label"][inside, column] = float(flag)


def _modalities(sample: ForgerySample) -> tuple[bool | None, bool | None]:
    """Whether the picture, and whether the sound of ``sample`` is fake anywhere; None where it is not told."""
    if sample.label == REAL:
        return False, False
    return sample.video_fake, sample.audio_fake
