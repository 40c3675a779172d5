"""What a checkpoint and its user say of the cutting of crops, put into a job for workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import torch

from zoo.datasets.crop_reader import CropReader
from zoo.detectors.base import Detector
from zoo.errors import CheckpointError, DataError
from zoo.faces.detections import FaceDetector
from zoo.faces.pipeline import AS_IT_IS
from zoo.inference.crop_settings import FLAGS, CropSettings, trained_detector
from zoo.inference.cutting import CutJob
from zoo.inference.inputs import Inputs
from zoo.inference.kinds_of_pictures import look_like_crops

Pictures = Literal["auto", "crops", "scenes"]
_PROBE: Final = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How crops come about.

    Attributes:
        job: for the workers.
        settings: what shapes the crops, as plain values.
        description: the same for people.
        changed: what is otherwise than in training, in words.
    """

    job: CutJob
    settings: Mapping[str, Any]
    description: str
    changed: tuple[str, ...] = ()


def require_picture_detector(model: Detector, *, size: int | None, where: object) -> None:
    """Refuse a detector that does not score single pictures, found out by asking it.

    Raises:
        CheckpointError: it takes sound, features or clips.
    """
    device = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    try:
        with torch.inference_mode():
            model({"image": torch.zeros(1, 3, size or _PROBE, size or _PROBE, dtype=torch.uint8, device=device)})
    except KeyError as error:
        raise CheckpointError(
            f"The checkpoint is a {type(model).__name__}, which does not score single pictures: it needs "
            f"{error.args[0]!r} too.",
            where=where,
            next_step="Give the checkpoint of a detector of face crops; audio-visual detectors and those of clips are "
            "evaluated by zoo test, on extracted features or on crops.",
        ) from error


def set_up(
    inputs: Inputs,
    provenance: Mapping[str, Any],
    *,
    given: Mapping[str, Any],
    detector: Callable[[], FaceDetector | None] | None = None,
    pictures: Pictures = "auto",
    frames_per_video: int | None = None,
    where: object = None,
) -> Setup:
    """The cutting of ``inputs`` as that of the training, where the user does not say otherwise.

    Args:
        inputs: what is to be scored.
        provenance: of the training data, out of the checkpoint.
        given: settings that the user names, by the keys of `zoo.inference.crop_settings.FLAGS`; None for the rest.
        detector: makes the face detector that the user names; None for that of the training.
        pictures: whether stills are face crops already; ``auto`` judges by their shapes, for all of them alike.
        frames_per_video: see `CropSettings.choice`.
        where: what errors point at.

    Raises:
        DataError: something must be known that neither the checkpoint nor the user says; the error names the options.
        MissingDependency: the face detector's package is absent.
    """
    finder = None if detector is None else detector()
    named = None if detector is None else AS_IT_IS if finder is None else type(finder).__name__
    settings = CropSettings.of(provenance, {**given, "detector": named})
    counts = inputs.counts()
    are_crops = pictures == "crops" or (pictures == "auto" and look_like_crops(inputs.files))
    searched = [kind for kind in ("video", "picture") if counts.get(kind) and (kind == "video" or not are_crops)]
    cropper = None
    lines = []
    if counts.get("crops") or ("picture" in counts and are_crops):
        lines.append("pictures taken as face crops")
    if searched:
        _require_known(settings, where=where, chosen=detector is not None, searched=searched)
        if detector is None:
            finder = trained_detector(settings, where=where)
        cropper = settings.cropper(finder, settings.choice(frames_per_video))
        by = type(finder).__name__ if finder else "nothing: whole pictures are taken"
        lines.append(f"faces found by {by}, margin {cropper.margin:g}, {'aligned, ' * cropper.align}{cropper.choice!r}")
    size = settings.require_size(where=where)
    encoding = settings.encoding() if searched else None
    told = {
        "frames_per_video": frames_per_video,
        "image_size": size,
        "pictures": None if "picture" not in counts else "crops" if are_crops else "scenes",
        **({} if cropper is None else {f"crops.{name}": value for name, value in cropper.provenance().items()}),
        "encoding": None if encoding is None else asdict(encoding),
    }
    job = CutJob(
        size=size,
        cropper=cropper,
        pictures_are_crops=are_crops,
        encoding=encoding,
        reader=None if inputs.manifest is None else CropReader(inputs.manifest),
        frames_per_video=frames_per_video,
    )
    return Setup(
        job=job,
        settings=told,
        description=f"{'; '.join(lines)}; {size} pixels",
        changed=tuple(settings.changed) if searched else (),
    )


def _require_known(settings: CropSettings, *, where: object, chosen: bool, searched: list[str]) -> None:
    if settings.known.get("detector") == AS_IT_IS:
        if not chosen:
            step = "Say how faces are found: --detector mtcnn --face-margin 0.2 --no-align --faces largest"
            if searched == ["picture"]:
                step += "; or, if these pictures are face crops: --pictures crops"
            raise DataError(
                "The checkpoint was trained on crops that came as such, so it does not say how faces are to be cut.",
                where=where,
                next_step=f"{step}.",
            )
        for name, value in (("margin", 0.0), ("align", False), ("faces", "largest")):
            settings.known.setdefault(name, value)
    settings.require(list(FLAGS), where=where)
