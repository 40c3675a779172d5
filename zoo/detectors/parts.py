"""What a detector asks of its parts, built-in or brought by a plugin. All of them are `torch.nn.Module`.

Notation: b clips, t frames, i input channels, d output channels, e embedding channels. Masks are True where valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor


class Encoder(Protocol):
    """A backbone along time: ``(x [b, t, i], mask [b, t]) -> [b, t, d]``."""

    in_channels: int
    out_channels: int

    def __call__(self, x: Tensor, mask: Tensor, /) -> Tensor: ...


class ImageEncoder(Protocol):
    """A backbone on pictures, ``[b, c, h, w] -> [b, n, d]``: n positions, or one where it pools.

    The pictures are pixel values in [0, 1], normalised by ``mean`` and ``std``, one value a channel each.
    """

    in_channels: int
    out_channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pictures: Tensor, /) -> Tensor: ...


class Fusion(Protocol):
    """Two streams to one: ``(visual, audio [b, t, i], visual_mask, audio_mask [b, t]) -> ([b, t, d], mask [b, t])``.

    The streams can as well be two views of b pictures at t positions.
    """

    in_channels: int
    out_channels: int

    def __call__(
        self, visual: Tensor, audio: Tensor, visual_mask: Tensor, audio_mask: Tensor, /
    ) -> tuple[Tensor, Tensor]: ...


class Head(Protocol):
    """Clips to one result each, ``(features [b, t, i], mask [b, t]) -> [b] or [b, e]``; ``frames`` does so frame by
    frame: ``features [b, t, i] -> [b, t] or [b, t, e]``. ``out_channels`` is 1 or e.
    """

    in_channels: int
    out_channels: int

    def __call__(self, features: Tensor, mask: Tensor, /) -> Tensor: ...

    def frames(self, features: Tensor, /) -> Tensor: ...


@runtime_checkable
class LocalizingHead(Head, Protocol):
    """A head that also tells where in time a clip is fake; `zoo.heads.localization.LocalizationHead` is one.

    ``localize`` returns the outputs that ``gives`` names, ``fake_logit`` [b] and ``frame_logits`` [b, t] among them.
    For segments there are ``proposal_logits``, ``start_logits`` and ``end_logits`` [b, t] and ``proposal_distances``
    [b, t, 2], and perhaps ``modality_logits`` [b, t, 2]. ``pool`` makes the clip's logit of frame logits and a mask.
    """

    @property
    def gives(self) -> frozenset[str]: ...

    def localize(self, features: Tensor, mask: Tensor, /) -> dict[str, Tensor]: ...

    def pool(self, frame_logits: Tensor, mask: Tensor, /) -> Tensor: ...


class Loss(Protocol):
    """``(outputs, targets)`` to a scalar, or to ``{"loss_NAME": scalar}``; ``uses`` names the outputs it reads.

    A loss that reads more targets than ``label`` names them in ``reads``; `zoo.detectors.targets` has them.
    """

    @property
    def uses(self) -> frozenset[str]: ...

    def __call__(
        self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], /
    ) -> Tensor | dict[str, Tensor]: ...
