"""What every detector has in common: three modes of one forward, labels out of samples, samples filled with logits.

Notation: b clips, t frames, e embedding channels; or b pictures [3, h, w].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Final, Literal, TypeAlias

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import Tensor, nn

from zoo.detectors.parts import Loss
from zoo.errors import ConfigError, DataError, MissingDependency
from zoo.structures import ForgerySample

Inputs: TypeAlias = Mapping[str, Tensor]
Outputs: TypeAlias = dict[str, Tensor]

CALLS: Final = ("real_as_real", "real_as_fake", "fake_as_real", "fake_as_fake")
"""How a labelled sample was called at a score of 0.5: the cells of the confusion matrix, row by row."""


class Detector(BaseModel):
    """Base of detectors. A subclass implements `encode`; the loss reads what `encode` returns.

    Args:
        loss: reads the outputs that its ``uses`` names, and ``{"label": int64 [b]}``.
    """

    def __init__(self, *, loss: Loss):
        super().__init__(data_preprocessor=BaseDataPreprocessor())
        self.loss = loss
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
        and the masks ``visual_mask`` and ``audio_mask`` [b, t]. A detector of single pictures has the first alone; one
        made of several has also those of its members, as ``MEMBER.NAME``.
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
            that are not valid).

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
            losses = self.loss(outputs, {"label": labels})
            named = losses if isinstance(losses, Mapping) else {"loss": losses}
            return {**named, **calls_of(outputs["fake_logit"], labels)}
        if mode == "predict":
            outputs = self.encode(inputs, wanted=frozenset({"fake_logit", "frame_logits"}))
            return filled(data_samples, outputs)
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
