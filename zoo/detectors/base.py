"""What every detector has in common: three modes of one forward, labels out of samples, samples filled with logits.

Notation: b clips, t frames, e embedding channels; or b pictures [3, h, w].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import Tensor, nn

from zoo.detectors.parts import Head, LocalizingHead, Loss
from zoo.detectors.proposals import ProposalDecoder
from zoo.detectors.segment_times import seconds_of
from zoo.detectors.targets import frame_targets
from zoo.errors import ConfigError, DataError, MissingDependency
from zoo.structures import ForgerySample, Segment

Inputs: TypeAlias = Mapping[str, Tensor]
Outputs: TypeAlias = dict[str, Tensor]

CALLS: Final = ("real_as_real", "real_as_fake", "fake_as_real", "fake_as_fake")
"""How a labelled sample was called at a score of 0.5: the cells of the confusion matrix, row by row."""


class Detector(BaseModel):
    """Base of detectors. A subclass implements `encode`; the loss reads what `encode` returns.

    Args:
        loss: reads the outputs that its ``uses`` names, ``{"label": int64 [b]}``, and the targets that its ``reads``
            names.
        proposals: arguments of `ProposalDecoder`, by which the outputs of a localizing head become segments.

    Raises:
        ConfigError: arguments that the decoder does not take.
    """

    def __init__(self, *, loss: Loss, proposals: Mapping[str, Any] | None = None):
        super().__init__(data_preprocessor=BaseDataPreprocessor())
        self.loss = loss
        try:
            self.decoder = ProposalDecoder(**proposals or {})
        except TypeError as error:
            raise ConfigError(f"proposals: {error}.", where=type(self).__name__) from error
        self.last_losses: Mapping[str, Tensor] = {}

    def parse_losses(self, losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Their sum to train, and all of them by name, which ``last_losses`` holds until the next batch."""
        total, named = super().parse_losses(losses)
        self.last_losses = {name: value.detach() for name, value in named.items()}
        return total, named

    @abstractmethod
    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        """At least the outputs ``wanted`` by name, beside those that come for nothing.

        ``fake_logit`` [b], ``frame_logits`` [b, t] with ``frame_mask`` [b, t], ``features`` [b, t, d] that the head
        takes, ``visual_embedding`` and ``audio_embedding`` [b, e], ``visual_frames`` and ``audio_frames`` [b, t, e],
        and the masks ``visual_mask`` and ``audio_mask`` [b, t]. A detector of single pictures has the first alone, one
        with a localizing head also what that head gives; one made of several has also those of its members, as
        ``MEMBER.NAME``.
        """

    def fetch_weights(self) -> None:
        """Load the trained weights that parts ask for, from files or the network; a run that starts from nothing does.

        Raises:
            MissingDependency: weights that are not at hand.
            CheckpointError: a file with other weights.
        """
        for name, part in self.named_modules():
            if not isinstance(part, Detector) and callable(fetch := getattr(part, "fetch_weights", None)):
                try:
                    fetch()
                except MissingDependency as error:
                    step = (
                        f"{error.next_step or ''} As an override: --cfg-options model.{name}.pretrained=False".strip()
                    )
                    raise MissingDependency(error.what, where=error.where, next_step=step) from error

    def forward(
        self,
        inputs: Inputs,
        data_samples: Sequence[ForgerySample] | None = None,
        mode: Literal["tensor", "loss", "predict"] = "tensor",
    ) -> Any:
        """Run a batch.

        Args:
            inputs: what a collated batch holds under ``inputs``: ``visual`` [b, t, d_v], ``audio`` [b, t, d_a], and
                boolean ``visual_mask`` and ``audio_mask`` [b, t], True where a frame is valid; or ``image``
                [b, 3, h, w], RGB values in [0, 255], uint8 or floating.
            data_samples: b samples; needed for ``loss`` (with labels) and ``predict``.
            mode: what to return.

        Returns:
            ``tensor``: fake logits [b]. ``loss``: named, weighted scalars; those with ``loss`` in the name are
            summed and trained; beside them the shares of the batch by `CALLS`. ``predict``: copies of the samples
            with ``fake_logit``, those of clips also with ``frame_logits`` up to the last valid frame (NaN at frames
            that are not valid), and those of a localizing head with ``segments`` where it is known when their frames
            are (``extra["frame_times"]``, seconds [t]).

        Raises:
            DataError: a sample without a label in ``loss``, no samples where they are needed, or unknown mode.
        """
        if mode == "tensor":
            return self.encode(inputs, wanted=frozenset({"fake_logit"}))["fake_logit"]
        if data_samples is None:
            raise DataError(f"Mode {mode!r} needs the samples beside the inputs.", where=type(self).__name__)
        if mode == "loss":
            outputs = self.encode(inputs, wanted=self.loss.uses)
            labels = labels_of(data_samples, device=outputs["fake_logit"].device)
            targets = {"label": labels}
            if getattr(self.loss, "reads", None):
                targets |= frame_targets(data_samples, outputs["frame_mask"])
            losses = self.loss(outputs, targets)
            named = losses if isinstance(losses, Mapping) else {"loss": losses}
            return {**named, **calls_of(outputs["fake_logit"], labels)}
        if mode == "predict":
            outputs = self.encode(inputs, wanted=frozenset({"fake_logit", "frame_logits"}))
            samples = filled(data_samples, outputs)
            return localized(samples, outputs, self.decoder) if "proposal_logits" in outputs else samples
        raise DataError(f"Unknown mode {mode!r}; the modes are tensor, loss and predict.", where=type(self).__name__)


def labels_of(samples: Sequence[ForgerySample], *, device: torch.device) -> Tensor:
    """The labels [b], int64: 0 real, 1 fake.

    Raises:
        DataError: a sample has none.
    """
    missing = [sample.sample_id for sample in samples if sample.label is None]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(samples)} samples have no label.",
            where=missing[0],
            next_step="Train on labelled samples; use predict for the others.",
        )
    return torch.tensor([sample.label for sample in samples], dtype=torch.int64, device=device)


def calls_of(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The shares of `CALLS` in a batch of logits [b] and labels [b], which add up to 1."""
    cells = 2 * labels + (logits.detach() >= 0)
    return dict(zip(CALLS, F.one_hot(cells, len(CALLS)).float().mean(dim=0), strict=True))


def filled(samples: Sequence[ForgerySample], outputs: Outputs) -> list[ForgerySample]:
    """Copies of ``samples`` with the logits of ``outputs`` as plain floats."""
    result = [copy(sample) for sample in samples]
    for sample, logit in zip(result, outputs["fake_logit"].float().tolist(), strict=True):
        sample.fake_logit = logit
    if "frame_logits" in outputs:
        frames = outputs["frame_logits"].float().masked_fill(~outputs["frame_mask"], float("nan"))
        for sample, row, length in zip(result, frames.tolist(), _lengths(outputs["frame_mask"]), strict=True):
            sample.frame_logits = row[:length]
    return result


def localized(samples: Sequence[ForgerySample], outputs: Outputs, decoder: ProposalDecoder) -> list[ForgerySample]:
    """``samples`` with the ``segments`` that a localizing head proposes in ``outputs``, within the frames' time."""
    lengths = _lengths(outputs["frame_mask"])
    for row, (sample, length) in enumerate(zip(samples, lengths, strict=True)):
        if (times := sample.extra.get("frame_times")) is not None:
            clip = {name: x[row, :length] for name, x in outputs.items() if x.ndim > 1 and x.shape[1] >= length}
            sample.segments = segments_of(clip, np.asarray(times)[:length], decoder)
    return list(samples)


def segments_of(outputs: Outputs, times: np.ndarray, decoder: ProposalDecoder) -> list[Segment]:
    """The segments of one clip, best first.

    Args:
        outputs: what a localizing head tells of its t frames, without the dimension of the batch: ``frame_mask``,
            ``proposal_logits``, ``start_logits``, ``end_logits`` [t], ``proposal_distances`` [t, 2], and perhaps
            ``modality_logits`` [t, 2].
        times: seconds [t] of the frames, rising.
        decoder: how proposals are made of them.
    """
    if not len(times):
        return []
    frames = {
        "confidence": outputs["proposal_logits"].float().sigmoid(),
        "start": outputs["start_logits"].float().sigmoid(),
        "end": outputs["end_logits"].float().sigmoid(),
        "distances": outputs["proposal_distances"].float(),
    }
    arrays = {name: x.detach().cpu().numpy() for name, x in frames.items()}
    places, scores = decoder(arrays, outputs["frame_mask"].cpu().numpy())
    modalities: list[Any] = [None] * len(places)
    if "modality_logits" in outputs:
        modalities = [_modality(outputs["modality_logits"], *place) for place in places]
    return [
        Segment(start, end, score, modality)
        for (start, end), score, modality in zip(
            seconds_of(places, times).tolist(), scores.tolist(), modalities, strict=True
        )
    ]


def _modality(logits: Tensor, start: float, end: float) -> Literal["video", "audio"] | None:
    """The only modality that is fake from ``start`` to ``end``, frames; None where it is both, or neither is sure."""
    first = min(int(np.ceil(start)), len(logits) - 1)
    video, audio = (logits[first : max(int(np.ceil(end)), first + 1)].float().mean(dim=0) >= 0).tolist()
    return None if video == audio else "video" if video else "audio"


def judged(head: Head, features: Tensor, mask: Tensor, wanted: frozenset[str]) -> Outputs:
    """What ``head`` tells of ``features`` [b, t, d], valid where ``mask`` [b, t] is True, and both of these."""
    if isinstance(head, LocalizingHead):
        return {**head.localize(features, mask), "features": features, "frame_mask": mask}
    outputs = {"fake_logit": head(features, mask), "features": features, "frame_mask": mask}
    if "frame_logits" in wanted:
        outputs["frame_logits"] = head.frames(features)
    return outputs


def given_by(head: Head) -> frozenset[str]:
    """Names of the outputs that `judged` can give of ``head``."""
    return head.gives if isinstance(head, LocalizingHead) else frozenset({"fake_logit", "frame_logits"})


def check_widths(owner: nn.Module, *links: tuple[str, int, str, int]) -> None:
    """Raise `ConfigError` where a part's output is not as wide as the next part's input.

    Each link is (name, its output channels, next name, its input channels).
    """
    wrong = [
        f"{first} gives {wide} channels, {second} takes {wanted}"
        for first, wide, second, wanted in links
        if wide != wanted
    ]
    if wrong:
        raise ConfigError.from_mistakes(wrong, where=type(owner).__name__)


def _lengths(mask: Tensor) -> list[int]:
    """One past the last valid frame of each clip [b, t]: what follows is padding."""
    frames = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (mask * frames).amax(dim=1).tolist() if mask.shape[1] else [0] * len(mask)
