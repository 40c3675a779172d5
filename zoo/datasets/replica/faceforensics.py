"""A synthetic stand-in for FaceForensics++ (Rossler et al., 2019, arXiv:1901.08971), laid out as it is downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from zoo.datasets.replica.filming import MASK, File, VisualClip
from zoo.datasets.replica.manipulations.reenact import FaceReenactment, MouthReenactment
from zoo.datasets.replica.manipulations.smooth import TextureSmoothing
from zoo.datasets.replica.manipulations.swap import IdentitySwap
from zoo.datasets.replica.shot import Manipulation
from zoo.datasets.replica.visual import VisualReplica
from zoo.errors import ConfigError, did_you_mean
from zoo.files import write_json

METHODS: Final[Mapping[str, Manipulation]] = MappingProxyType(
    {
        "Deepfakes": IdentitySwap(seam="feather", detail=36),
        "Face2Face": FaceReenactment(),
        "FaceSwap": IdentitySwap(seam="poisson"),
        "NeuralTextures": TextureSmoothing(sigma=3.5, contrast=70.0, after=MouthReenactment()),
        "FaceShifter": IdentitySwap(seam="feather", detail=64),
    }
)
COMPRESSIONS: Final[Mapping[str, int]] = MappingProxyType({"raw": 0, "c23": 23, "c40": 40})
MASK_CRF: Final = 10
_USUAL: Final = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
_WITHOUT_MASKS: Final = frozenset({"FaceShifter"})
_SHARES: Final = {"train": 0.72, "test": 0.14, "val": 0.14}


class FaceForensicsReplica(VisualReplica):
    """Writes a replica of FaceForensics++: one genuine clip a person, and one fake a method of each.

    ``splits/{train,val,test}.json`` hold the pairs. See :class:`VisualReplica` for the other arguments.

    Args:
        methods: of ``METHODS``; ``FaceShifter`` is optional and has no masks.
        compressions: of ``COMPRESSIONS``, H.264 at that constant rate factor.

    Raises:
        ConfigError: an unknown method or compression.
    """

    corpus = "faceforensics"
    title = "FaceForensics++"
    single_take = True

    def __init__(self, *, methods: Sequence[str] = _USUAL, compressions: Sequence[str] = ("c23",), **options: Any):
        super().__init__(**options)
        self.methods = chosen(methods, METHODS, "--methods")
        self.compressions = chosen(compressions, COMPRESSIONS, "--compressions")

    def settings(self) -> dict[str, object]:
        return super().settings() | {"methods": list(self.methods), "compressions": list(self.compressions)}

    def _splits(self) -> dict[str, list[tuple[int, int]]]:
        return self._dealt(_SHARES)

    def _plan(self) -> list[VisualClip]:
        clips = []
        for split, pairs in self._splits().items():
            for target, source in (way for pair in pairs for way in (pair, pair[::-1])):
                files = encoded("original_sequences/youtube", f"{target:03d}", self.compressions)
                clips.append(VisualClip(identity=target, take=0, files=files, split=split))
                for method in self.methods:
                    clips.append(self._fake(target, source, method, split))
        return clips

    def _fake(self, target: int, source: int, method: str, split: str) -> VisualClip:
        folder, name = f"manipulated_sequences/{method}", f"{target:03d}_{source:03d}"
        files = encoded(folder, name, self.compressions)
        if method not in _WITHOUT_MASKS:
            files += (mask_of(folder, name),)
        return VisualClip(
            identity=target,
            take=0,
            files=files,
            split=split,
            donor=(source, 0),
            method=method,
            manipulation=METHODS[method],
            touched=((0.0, self.duration_s),),
        )

    def _write_lists(self, root: Path) -> None:
        for split, pairs in self._splits().items():
            write_json(root / "splits" / f"{split}.json", [[f"{a:03d}", f"{b:03d}"] for a, b in pairs])


def encoded(folder: str, name: str, compressions: Sequence[str]) -> tuple[File, ...]:
    """The videos ``name`` below ``folder``, one a compression."""
    return tuple(File(path=Path(folder, c, "videos", f"{name}.mp4"), crf=COMPRESSIONS[c]) for c in compressions)


def mask_of(folder: str, name: str) -> File:
    """The video that marks the manipulated area of ``name``."""
    return File(path=Path(folder, "masks", "videos", f"{name}.mp4"), kind=MASK, crf=MASK_CRF)


def chosen(names: Sequence[str], known: Mapping[str, object], option: str) -> tuple[str, ...]:
    """``names`` in the order of ``known``.

    Raises:
        ConfigError: there is none, or one that is not known.
    """
    for name in names:
        if name not in known:
            raise ConfigError(
                f"No {name!r} here.{did_you_mean(name, known)}",
                where=option,
                next_step=f"Choose of: {', '.join(known)}.",
            )
    if not names:
        raise ConfigError("Nothing was chosen.", where=option, next_step=f"Choose of: {', '.join(known)}.")
    return tuple(name for name in known if name in names)
