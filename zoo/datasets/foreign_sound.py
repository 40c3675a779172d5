"""A control task: every clip with the sound of another, so that mismatch tells nothing and other cues are left."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from zoo.datasets.features import FeatureDataset
from zoo.errors import ConfigError, DataError


class ForeignSoundDataset(FeatureDataset):
    """`FeatureDataset` whose clips swap their sounds, whatever their class, so that none is left with its own.

    Which clip gets whose sound depends on the names of the clips and ``sound_seed`` alone. The middle of the other
    clip's sound is taken, up to the end of the own one; where it is shorter, the rest is masked. Labels stay those of
    the clip, as if its sound were its own: figures of whole clips have a meaning then, those of moments have none.
    A trained detector is tested with ``--cfg-options test_dataloader.dataset.type=ForeignSoundDataset``.

    Args:
        sound_seed: another seed, other sounds.
        options: see `FeatureDataset`; transforms see the clip's own sound.

    Raises:
        ConfigError: as `FeatureDataset`, or the modality is not both.
        DataError: as `FeatureDataset`, or there is one clip only.
    """

    def __init__(self, data_root: str | None = None, *, sound_seed: int = 0, **options: Any):
        super().__init__(data_root, **options)
        if len(self.streams) < 2:
            raise ConfigError(
                f"Only clips with pictures and sound can swap sounds; the modality is {self.streams[0]!r}.",
                where="ForeignSoundDataset",
            )
        if len(self) < 2:
            raise DataError("A single clip has none to swap its sound with.", where=data_root)
        names = self._told["video_id"].take(pa.array(self._rows)).to_pylist()
        keys = [hashlib.sha256(f"{sound_seed}\0{name}".encode()).digest() for name in names]
        order = np.array(sorted(range(len(names)), key=lambda index: (keys[index], index)))
        self._giver = np.empty(len(names), np.int64)
        self._giver[order] = np.roll(order, 1)

    def __getitems__(self, indices: Sequence[int]) -> dict:
        """As `FeatureDataset`, with the sounds of others in ``audio`` and ``audio_mask``."""
        batch = super().__getitems__(indices)
        clips = self.source.open(self._rows[self._giver[np.asarray(indices)]], ("audio",))
        starts = np.maximum(clips.lengths - self.seq_len, 0) // 2
        stops = np.minimum(starts + self.seq_len, clips.lengths)
        windows = clips.read(starts, stops, size=self._size)
        inputs = batch["inputs"]
        mask = windows.masks["audio"] & inputs["audio_mask"]
        inputs["audio"] = windows.features["audio"] * mask[..., None]
        inputs["audio_mask"] = mask
        return batch
