"""A synthetic stand-in for Celeb-DF v2 (Li et al., 2020, arXiv:1909.12962), laid out as it is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from zoo.datasets.replica.filming import File, VisualClip
from zoo.datasets.replica.manipulations.swap import IdentitySwap
from zoo.datasets.replica.visual import VisualReplica
from zoo.files import atomic_write

TEST_LIST: Final = "List_of_testing_videos.txt"
_MANIPULATION: Final = IdentitySwap(seam="feather", detail=56)  # larger than others, and with soft masks
_SHARES: Final = {"train": 0.75, "test": 0.25}
_YOUTUBE_EVERY: Final = 4  # one more genuine person for so many celebrities


class CelebDFReplica(VisualReplica):
    """Writes a replica of Celeb-DF v2: celebrities in ``takes`` clips with a fake of each, and other people on YouTube.

    The list of testing videos holds whole pairs of celebrities, so that nobody is in both splits. There are
    ``identities / 4`` people, at least two, in ``YouTube-real``, one genuine clip each. See :class:`VisualReplica`
    for the arguments.
    """

    corpus = "celebdf"
    title = "Celeb-DF v2"

    def __init__(self, *, takes: int = 2, **options: Any):
        super().__init__(takes=takes, **options)

    def _plan(self) -> list[VisualClip]:
        clips = []
        for split, pairs in self._dealt(_SHARES).items():
            for target, source in (way for pair in pairs for way in (pair, pair[::-1])):
                for take in range(self.takes):
                    real = _video("Celeb-real", f"id{target}_{take:04d}")
                    clips.append(VisualClip(identity=target, take=take, files=real, split=split))
                    clips.append(
                        VisualClip(
                            identity=target,
                            take=take,
                            files=_video("Celeb-synthesis", f"id{target}_id{source}_{take:04d}"),
                            split=split,
                            donor=(source, take),
                            method="Celeb-synthesis",
                            manipulation=_MANIPULATION,
                            touched=((0.0, self.duration_s),),
                        )
                    )
        others = max(2, self.identities // _YOUTUBE_EVERY)
        for number in range(others):
            split = "test" if number % _YOUTUBE_EVERY == 1 else "train"
            files = _video("YouTube-real", f"{number:05d}")
            clips.append(VisualClip(identity=self.identities + number, take=0, files=files, split=split))
        return clips

    def _write_lists(self, root: Path) -> None:
        """The list of testing videos: no header, and 1 stands for genuine."""
        with atomic_write(root / TEST_LIST, "w") as file:
            for clip in self.clips:
                if clip.split == "test":
                    file.write(f"{int(clip.is_real)} {clip.files[0].path.as_posix()}\n")


def _video(folder: str, name: str) -> tuple[File, ...]:
    return (File(path=Path(folder, f"{name}.mp4")),)
