"""Three detectors trained as one: sound and picture together, sound alone, picture alone, and a logit of all three."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torch import Tensor, nn

from zoo.detectors.base import Detector, Inputs, Outputs, check_widths
from zoo.detectors.cross_modal_transformer import CrossModalTransformer
from zoo.detectors.members import MemberLosses, encode_members, flat
from zoo.detectors.parts import Fusion, Head, Loss
from zoo.detectors.unimodal_transformer import UnimodalTransformer
from zoo.errors import ConfigError

AUXILIARY_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({"cross_modal": 0.3, "audio": 0.2, "visual": 0.2})
"""The usual weights of the branches' own losses beside the fused one, which weighs 1."""


class JointTransformer(Detector):
    """A cross-modal, an audio-only and a visual-only transformer whose frames are fused, with a loss for each.

    The two unimodal streams are fused first, and the result with the cross-modal stream. Concatenated, weighed by
    scalars, gated or attended: that is which fusions a config names. A clip that lacks a modality is judged by what
    the others hold, as its masks say.

    Notation: b clips, t frames, d channels.

    Args:
        cross_modal: the branch that compares picture and sound.
        audio: the branch that hears the sound only.
        visual: the branch that sees the picture only.
        unimodal_fusion: the streams of ``audio`` and ``visual`` to one [b, t, d].
        fusion: the stream of ``cross_modal`` and the unimodal one to one [b, t, d].
        head: to the fused fake logits [b].
        loss: on the fused logit.
        auxiliary_weights: branch to the factor of its own loss, at least 0; a branch that is not named has that of
            `AUXILIARY_WEIGHTS`.

    Raises:
        ConfigError: branches of another kind or modality, widths that do not meet, a loss that reads more than the
            logit, or weights that are negative or of no branch.
    """

    def __init__(
        self,
        *,
        cross_modal: CrossModalTransformer,
        audio: UnimodalTransformer,
        visual: UnimodalTransformer,
        unimodal_fusion: Fusion,
        fusion: Fusion,
        head: Head,
        loss: Loss,
        auxiliary_weights: Mapping[str, float] | None = None,
    ):
        branches = {"cross_modal": cross_modal, "audio": audio, "visual": visual}
        weights = {**AUXILIARY_WEIGHTS, **(auxiliary_weights or {})}
        _check(branches, weights, loss)
        super().__init__(loss=_FusedLoss(loss, MemberLosses(branches, weights=weights)))
        check_widths(
            self,
            ("audio", audio.head.in_channels, "unimodal_fusion", unimodal_fusion.in_channels),
            ("visual", visual.head.in_channels, "unimodal_fusion", unimodal_fusion.in_channels),
            ("cross_modal", cross_modal.head.in_channels, "fusion", fusion.in_channels),
            ("unimodal_fusion", unimodal_fusion.out_channels, "fusion", fusion.in_channels),
            ("fusion", fusion.out_channels, "head", head.in_channels),
        )
        self.branches = nn.ModuleDict(branches)
        self.unimodal_fusion = unimodal_fusion
        self.fusion = fusion
        self.head = head

    def encode(self, inputs: Inputs, *, wanted: frozenset[str]) -> Outputs:
        outputs = encode_members(self.branches, inputs, wanted=wanted)
        cross_modal, audio, visual = (outputs[name] for name in ("cross_modal", "audio", "visual"))
        heard_or_seen, unimodal_mask = self.unimodal_fusion(
            audio["features"], visual["features"], audio["frame_mask"], visual["frame_mask"]
        )
        fused, mask = self.fusion(cross_modal["features"], heard_or_seen, cross_modal["frame_mask"], unimodal_mask)
        result = {"fake_logit": self.head(fused, mask), "features": fused, "frame_mask": mask}
        if "frame_logits" in wanted:
            result["frame_logits"] = self.head.frames(fused)
        return result | flat(outputs)


class _FusedLoss(nn.Module):
    """The loss of the fused logit beside those of the branches."""

    def __init__(self, fused: Loss, auxiliary: MemberLosses):
        super().__init__()
        self.fused = fused
        self.auxiliary = auxiliary
        self.uses = frozenset(fused.uses | auxiliary.uses)

    def forward(self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        fused = self.fused(outputs, targets)
        named = fused if isinstance(fused, Mapping) else {"loss": fused}
        return {**named, **self.auxiliary(outputs, targets)}


def _check(branches: Mapping[str, Detector], weights: Mapping[str, float], loss: Loss) -> None:
    where, mistakes = JointTransformer.__name__, []
    for name, branch in branches.items():
        kind = CrossModalTransformer if name == "cross_modal" else UnimodalTransformer
        if not isinstance(branch, kind):
            mistakes.append(f"{name} is a {type(branch).__name__}, not a {kind.__name__}")
        elif isinstance(branch, UnimodalTransformer) and branch.modality != name:
            mistakes.append(f"the branch {name} has modality {branch.modality!r}")
    mistakes += [f"a weight for {name!r}, which is no branch" for name in weights if name not in branches]
    mistakes += [f"the weight of {name!r} is negative" for name, weight in weights.items() if weight < 0]
    if loss.uses != {"fake_logit"}:
        mistakes.append(f"the fused loss reads {sorted(loss.uses - {'fake_logit'})}, which belong to a branch's loss")
    if mistakes:
        raise ConfigError.from_mistakes(mistakes, where=where)
