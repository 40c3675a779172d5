"""How crops of raw pictures are cut for a checkpoint: as those it was trained on, unless the user says otherwise."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final

from zoo.datasets.preprocessing.crop_job import Encoding
from zoo.errors import DataError, MissingDependency, ZooError
from zoo.faces.detections import FaceDetector
from zoo.faces.pipeline import AS_IT_IS, FaceCropper
from zoo.media import choice as choices
from zoo.media.choice import Evenly, FrameChoice
from zoo.plugins import catalog
from zoo.registry import build

DEFAULT_FRAMES: Final = 32
FLAGS: Final[Mapping[str, str]] = {
    "detector": "--detector",
    "margin": "--face-margin",
    "image_size": "--image-size",
    "align": "--align or --no-align",
    "faces": "--faces",
}
"""What must be known of the way crops are cut, and the option that says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSettings:
    """What is known of the crops that a checkpoint was trained on, each setting by its name in the manifest.

    Attributes:
        known: those settings; a setting that is absent is not known, or differs among the crops.
        sample_size: side in pixels of the pictures that the detector was trained on, to which crops are resized.
        changed: what the user set otherwise than it was in training, in words.
    """

    known: dict[str, Any]
    sample_size: int | None = None
    changed: Sequence[str] = ()

    @classmethod
    def of(cls, provenance: Mapping[str, Any], given: Mapping[str, Any]) -> CropSettings:
        """Out of a checkpoint's ``provenance``, and what the user has ``given`` by the same names (None for nothing).

        A size that is given is that of the samples too.
        """
        ways = [dict(way) for way in provenance.get("crops") or ()]
        known = {
            name: value
            for name, value in (ways[0] if ways else {}).items()
            if all(way.get(name) == value for way in ways)
        }
        size = provenance.get("image_size") or known.get("image_size")
        if known.get("detector") == AS_IT_IS and given.get("detector") not in (None, AS_IT_IS):
            known = {"image_size": known.get("image_size")}  # the rest says how nothing was cut
        told = {name: value for name, value in given.items() if value is not None}
        changed = [
            f"{name} {value!r} (in training {known[name]!r})"
            for name, value in told.items()
            if name in known and known[name] != value
        ]
        known = {name: value for name, value in {**known, **told}.items() if value is not None}
        size = told.get("image_size") or size
        if size is not None:
            known.setdefault("image_size", size)
        return cls(known=known, sample_size=size, changed=tuple(changed))

    def require(self, names: Sequence[str], *, where: object) -> None:
        """Raise `DataError`, naming the options to give, where one of the settings ``names`` is not known."""
        if missing := [name for name in names if name not in self.known]:
            raise DataError(
                f"The checkpoint does not say how its crops were made: {', '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not known.",
                where=where,
                next_step=f"Give {', '.join(FLAGS[name] for name in missing)} as for the crops of its training "
                "(preprocess.json beside their manifest; the defaults of zoo preprocess are --detector mtcnn "
                "--face-margin 0.2 --image-size 224 --no-align --faces largest).",
            )

    def require_size(self, *, where: object) -> int:
        """Side of the detector's pictures in pixels.

        Raises:
            DataError: it is not known.
        """
        if self.sample_size is None:
            self.require(["image_size"], where=where)
        assert self.sample_size is not None
        return self.sample_size

    def choice(self, frames_per_video: int | None) -> FrameChoice:
        """Which frames of a video: so many evenly, or as in training, or `DEFAULT_FRAMES` where that is not known."""
        if frames_per_video is not None:
            return Evenly(frames_per_video)
        return read_choice(self.known.get("choice")) or Evenly(DEFAULT_FRAMES)

    def encoding(self) -> Encoding | None:
        """How the crops of the training were stored, which left its traces in them; None if that is not known."""
        told = self.known.get("encoding")
        return None if told is None else Encoding(format=told["format"], quality=told["quality"])

    def cropper(self, detector: FaceDetector | None, choice: FrameChoice) -> FaceCropper:
        """What cuts as in training; all of `FLAGS` are known."""
        known = self.known
        kept = {name: known[name] for name in ("smooth_s", "refresh") if name in known}
        faces = "largest" if known["faces"] == "manipulated" else known["faces"]  # no mask tells here
        return FaceCropper(
            detector=detector,
            choice=choice,
            faces=faces,
            margin=known["margin"],
            image_size=known["image_size"],
            align=known["align"] and detector is not None,
            **kept,
        )


def read_choice(text: str | None) -> FrameChoice | None:
    """The choice of frames that a manifest names, such as ``Evenly(count=32)``; None for one that zoo does not have."""
    try:
        call = ast.parse(text or "", mode="eval").body
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        kind = {name: getattr(choices, name) for name in ("AllFrames", "Evenly", "EverySeconds", "Clips")}[call.func.id]
        return kind(**{str(word.arg): ast.literal_eval(word.value) for word in call.keywords})
    except (SyntaxError, AssertionError, KeyError, TypeError, ValueError):
        return None


def trained_detector(settings: CropSettings, *, where: object) -> FaceDetector | None:
    """The face detector that cut the crops of the training, known by its fingerprint; None for no detector.

    A manifest names a detector and its fingerprint: default arguments are tried first, for a chain of fallbacks every
    order of the detectors at hand.

    Raises:
        DataError: none of them is it, so that the user has to name it.
        MissingDependency: what it needs is absent.
    """
    name, wanted = settings.known["detector"], settings.known.get("detector_fingerprint")
    if name == AS_IT_IS:
        return None
    absent: MissingDependency | None = None
    for config in _candidates(name):
        try:
            detector = build("face_detector", config)
            if wanted in (None, detector.fingerprint()):
                return detector
        except MissingDependency as error:
            absent = absent or error
        except ZooError:  # an argument that it cannot do without
            continue
    if absent is not None and name != "FallbackDetector":
        raise absent
    raise DataError(
        f"The crops of the training were cut by a {name} with arguments of its own.",
        where=where,
        next_step="Name it as for zoo preprocess: --detector, --detector-options KEY=VALUE, --fallback-detector."
        + (f" (Not at hand: {absent.what})" if absent else ""),
    )


def _candidates(name: str) -> Iterator[dict[str, Any]]:
    if name != "FallbackDetector":
        if name in catalog().names("face_detector"):
            yield {"type": name}
        return
    parts = [part for part in catalog().names("face_detector") if part != name]
    for count in range(2, min(len(parts), 3) + 1):
        for chain in permutations(parts, count):
            yield {"type": name, "detectors": [{"type": part} for part in chain]}
