"""Clips of face crops: several moments of one face as one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from zoo.datasets.collate import collate_clips
from zoo.datasets.crops import CropDataset
from zoo.datasets.randomness import uniform
from zoo.datasets.transforms.base import ImageTransform
from zoo.errors import ConfigError


class ClipDataset(CropDataset):
    """The crops of one face in one video as a sample, out of the same manifests that `CropDataset` reads.

    A track of n crops is cut into ``frames`` stretches of equal length, and one crop is taken of each: in training a
    random one, anew each epoch, in evaluation the middle one. A track of fewer crops gives all of them and padding.
    Transforms are applied to all frames of a clip with the same random numbers.

    A sample is ``{"inputs": {"image": uint8 [t, 3, h, w], "image_mask": bool [t]}, "data_samples": ForgerySample}``
    with t = ``frames``; padding is zero and False. The ``sample_id`` is ``video_id#track``, ``start_s`` is the
    time of the first frame, ``end_s`` one mean step after the last, so that logits of frames are evenly spread between.

    Args:
        data_root, split, transforms, test_mode: see `CropDataset`.
        frames: t, at least 2.
        **options: further arguments of `CropDataset`, without ``frames_per_video``.

    Raises:
        ConfigError: fewer than 2 frames.
        DataError: see `CropDataset`.
    """

    def __init__(
        self,
        data_root: str | Sequence[str] | None = None,
        *,
        split: str | None = "train",
        transforms: Sequence[ImageTransform | Mapping] = (),
        test_mode: bool = False,
        frames: int = 16,
        **options: Any,
    ):
        if frames < 2:
            raise ConfigError(f"A clip has at least 2 frames, not {frames}.", where="ClipDataset")
        if options.pop("frames_per_video", None) is not None:
            raise ConfigError("A clip takes frames, not frames_per_video.", where="ClipDataset")
        super().__init__(data_root, split=split, transforms=transforms, test_mode=test_mode, **options)
        self.frames = frames
        starts, tracks = self._table.starts, self._table.tracks
        changes = np.diff(tracks, prepend=-1) != 0
        changes[starts[:-1]] = True
        begins = np.flatnonzero(changes)
        owners = np.searchsorted(starts, begins, side="right") - 1
        ends = np.append(begins[1:], starts[-1])
        used = np.isin(owners, self._videos)
        self._begins, self._stops, self._owners = begins[used], ends[used], owners[used]
        self._slots = np.bincount(self._owners, minlength=len(starts) - 1)[self._videos]
        self._ends = np.cumsum(self._slots)
        self._labels = self._table.labels[self._owners]

    def provenance(self) -> dict:
        """As of `CropDataset`; ``clip_frames`` is the length of the samples."""
        return {**super().provenance(), "clip_frames": self.frames}

    def __getitem__(self, index: int) -> dict:
        """The clip at ``index``.

        Raises:
            IndexError: there are fewer.
            DataError: a crop cannot be read.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"The dataset has {len(self)} samples.")
        crops, video = self._moments(int(index)), int(self._owners[index])
        pictures = np.stack([self._image(int(index), crop) for crop in crops])  # all with the same random numbers
        image = torch.zeros(self.frames, *pictures.shape[1:], dtype=torch.uint8)
        image[: len(pictures)] = torch.from_numpy(pictures)
        mask = torch.arange(self.frames) < len(pictures)
        sample = self._table.describe(crops[0], video)
        begin, last = sample.start_s or 0.0, self._table.describe(crops[-1], video).start_s or 0.0
        sample.end_s = last + (last - begin) / max(len(crops) - 1, 1)
        sample.sample_id = f"{sample.video_id}#{int(self._table.tracks[crops[0]])}"
        return {"inputs": {"image": image.permute(0, 3, 1, 2), "image_mask": mask}, "data_samples": sample}

    def __getitems__(self, indices: Sequence[int]) -> dict:
        """The clips at ``indices`` as one batch: ``image`` [b, t, 3, h, w], ``image_mask`` and ``data_samples``."""
        return collate_clips([self[int(index)] for index in indices])

    def _moments(self, index: int) -> list[int]:
        """The crops that the clip at ``index`` holds in this epoch, in order of time."""
        first, count = int(self._begins[index]), int(self._stops[index] - self._begins[index])
        frames = min(count, self.frames)
        places = np.arange(frames)
        begins, ends = places * count // frames, (places + 1) * count // frames
        share = np.full(frames, 0.5)
        if not self.test_mode:
            share = uniform(index * self.frames + places, key=self._clock.tolist())
        return (first + begins + (share * (ends - begins)).astype(np.int64)).tolist()
