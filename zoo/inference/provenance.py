"""What the data of a training and that of an evaluation have to do with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from zoo.errors import DataError

_CROPS: Final = "crops"
_FEATURES: Final = "features"
_MADE: Final[Mapping[str, str]] = {_CROPS: "crops made as", _FEATURES: "features of extractor"}
_NEXT_STEP: Final[Mapping[str, str]] = {
    _CROPS: "Preprocess as for training (preprocess.json beside its manifest says how), or add --allow-mismatch to see "
    "what the detector makes of other crops.",
    _FEATURES: "Extract features as for training, or add --allow-mismatch if the spaces are the same.",
}


def check_provenance(
    trained: Mapping[str, Any], tested: Mapping[str, Any], *, allow_mismatch: bool, where: object
) -> list[str]:
    """What the data of training and of evaluation have to do with each other, as warnings.

    Args:
        trained: what the training data told of itself, out of the checkpoint; may be empty.
        tested: what the data of the evaluation tells.
        allow_mismatch: warn of data that was made otherwise, instead of refusing it.
        where: what an error points at.

    Raises:
        DataError: the data was made otherwise than that of training (features by another extractor, crops with other
            settings, or one instead of the other), and ``allow_mismatch`` is False.
    """
    warnings = []
    ours, theirs = _makers(trained), _makers(tested)
    strange = [maker for maker in theirs if maker not in ours]
    if strange or bool(ours) != bool(theirs):
        first = _kind(trained if ours else tested)
        second = _kind(tested if theirs else trained)
        what = (
            f"The checkpoint was trained on {_MADE[first]} {_short(ours)}, "
            f"these are {_MADE[second]} {_short(strange or theirs)}."
        )
        if ours and theirs and not allow_mismatch:
            raise DataError(what, where=where, next_step=_NEXT_STEP[first])
        warnings.append(what)
    sizes = trained.get("image_size"), tested.get("image_size")
    if None not in sizes and sizes[0] != sizes[1]:
        warnings.append(f"The checkpoint was trained on pictures of {sizes[0]} pixels, these have {sizes[1]}.")
    if any(content in _contents(trained) for content in _contents(tested)):
        if None in (trained.get("split"), tested.get("split")):
            warnings.append(
                "Training or evaluation took all splits of this data: the checkpoint has seen what it is tested on."
            )
        elif trained.get("split") == tested.get("split"):
            split = tested["split"]
            warnings.append(f"The checkpoint was trained on this very split ({split}): the figures say nothing.")
    if trained.get("leaks"):
        warnings.append(
            f"The checkpoint was trained though splits leak ({trained.get('leaks_found')}): figures on other splits of "
            "its data are too good."
        )
    return warnings


def _kind(told: Mapping[str, Any]) -> str:
    return _CROPS if told.get("kind") == _CROPS else _FEATURES


def _makers(told: Mapping[str, Any]) -> Sequence[Any]:
    """What names the way the data was made; empty where that is not known."""
    if _kind(told) == _CROPS:
        return told.get("crop_hashes") or []
    return [] if told.get("fingerprint") is None else [told["fingerprint"]]


def _contents(told: Mapping[str, Any]) -> Sequence[str]:
    """What names the data itself, all splits of it."""
    if _kind(told) == _CROPS:
        return told.get("split_hashes") or []
    return [] if told.get("hash") is None else [told["hash"]]


def _short(makers: Sequence[Any]) -> str:
    return " and ".join(str(maker)[:12] for maker in makers) or "unknown origin"
