"""A clip of any length through a localizing detector: window by window, then decoded as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zoo.detectors.base import Detector, Inputs, Outputs, segments_of
from zoo.detectors.parts import LocalizingHead
from zoo.detectors.proposals import ProposalDecoder
from zoo.detectors.stitching import Window, plan_windows, stitch, window_outputs
from zoo.errors import ConfigError
from zoo.structures import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizedClip:
    """What a detector tells of one clip of t frames.

    Attributes:
        fake_logit: of the clip as a whole.
        frame_logits: float32 [t], NaN at frames that are not valid.
        segments: what is proposed, best first, in seconds.
    """

    fake_logit: float
    frame_logits: np.ndarray
    segments: list[Segment]


def localize(
    detector: Detector,
    read: Callable[[int, int], Inputs],
    times: np.ndarray,
    *,
    size: int,
    overlap: int,
    decoder: ProposalDecoder | None = None,
) -> LocalizedClip:
    """Where one clip is fake, without ever holding more than a window of its features.

    Args:
        detector: with a localizing head, in evaluation mode.
        read: ``read(first, stop)`` gives the inputs of these frames as a batch of one clip: ``visual`` [1, n, d],
            ``visual_mask`` [1, n], and so on. It is called once a window, in order of time; neighbouring windows
            overlap.
        times: seconds [t] of all frames, not falling.
        size: frames of a window; what the detector was trained on (``seq_len``) is a good choice.
        overlap: frames that neighbouring windows share at least, below ``size``; a quarter of it is a good choice.
        decoder: how proposals are made; None for the detector's own.

    Raises:
        ConfigError: the detector does not localize, or a size or an overlap out of range.
    """
    head = head_of(detector)
    device = next(detector.parameters()).device
    plan = plan_windows(len(times), size=size, overlap=overlap)

    def encode(window: Window) -> Outputs:
        inputs = {name: x.to(device) for name, x in read(window.start, window.stop).items()}
        outputs = detector.encode(inputs, wanted=frozenset({"fake_logit", "frame_logits"}))
        names = (head.gives - {"fake_logit"}) | {"frame_mask"}
        return {name: outputs[name].cpu() for name in names}

    with torch.inference_mode():
        outputs = stitch(window_outputs(encode, plan))
        if not outputs:
            return LocalizedClip(fake_logit=0.0, frame_logits=np.zeros(0, np.float32), segments=[])
        logit = head.pool(outputs["frame_logits"].float(), outputs["frame_mask"])
    clip: dict[str, Tensor] = {name: x[0] for name, x in outputs.items()}
    frames = clip["frame_logits"].float().masked_fill(~clip["frame_mask"], float("nan"))
    return LocalizedClip(
        fake_logit=float(logit[0]),
        frame_logits=frames.numpy(),
        segments=segments_of(clip, np.asarray(times), decoder or detector.decoder),
    )


def head_of(detector: Detector) -> LocalizingHead:
    """The localizing head of ``detector``.

    Raises:
        ConfigError: it has none.
    """
    head = getattr(detector, "head", None)
    if not isinstance(head, LocalizingHead):
        raise ConfigError(
            f"{type(detector).__name__} with a {type(head).__name__} does not tell where in time a clip is fake.",
            where="detector",
            next_step="Use a checkpoint of a config with a LocalizationHead, such as xmodal_localize_base.",
        )
    return head
