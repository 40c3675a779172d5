"""Real crops and their self-blended twins: training on fakes without a single fake in the data."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

import numpy as np
from mmengine.logging import print_log

from zoo.datasets.cells import Cells
from zoo.datasets.crop_table import COLUMNS
from zoo.datasets.crops import CropDataset
from zoo.datasets.self_blending import SelfBlending, face_outline
from zoo.structures import FAKE, REAL, ForgerySample

METHOD: Final = "self_blended"
_STREAM: Final = 1  # apart from the numbers that transforms draw


class SelfBlendedCrops(CropDataset):
    """The real crops of manifests, each twice: as it is (label 0), and blended with itself (label 1).

    See `zoo.datasets.self_blending` for how. Fakes of the manifests are left out. The real ones come first, then the
    blends in the same order; a real crop and its blend are of the same frame in every epoch. Transforms are applied
    after blending, to both alike. A blend is a sample of its own video, ``<video_id>/self_blended``, with the method
    ``self_blended``; it depends on the seed, the epoch and the sample's index alone, with ``test_mode`` on the index
    alone.

    The outline of a face comes from the points of the manifest. Where a crop has none it comes from how the crops were
    cut, which is coarser; how many these are is logged, and told by ``provenance()["outlines"]``.

    Takes what `CropDataset` takes.
    """

    _columns = (*COLUMNS, "points")

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._blending = SelfBlending()
        with_points, without = self._table.count_points(self._videos)
        self._outlines = {"points": with_points, "box": without}
        if without:
            print_log(
                f"{without} of {with_points + without} real crops have no points in the manifest: the outline of their "
                "faces is taken from how they were cut. Preprocess anew with a detector that gives points.",
                logger="current",
                level=logging.WARNING,
            )

    def cells(self) -> Cells:
        table, corpora = self._table, self._table.corpora[self._videos]
        names = [*table.method_names.to_pylist(), METHOD]
        labels = table.labels[self._videos]
        return Cells.of_runs(
            np.concatenate([labels, np.full_like(labels, FAKE)]),
            np.concatenate([corpora, corpora]),
            np.concatenate([table.methods[self._videos], np.full_like(corpora, len(names) - 1)]),
            np.concatenate([self._slots, self._slots]),
            corpus_names=table.corpus_names.to_pylist(),
            method_names=names,
        )

    def provenance(self) -> dict:
        """As of `CropDataset`; ``outlines`` counts real crops by where the outline of the face comes from."""
        return {**super().provenance(), "method": METHOD, "outlines": self._outlines}

    def _usable(self) -> np.ndarray:
        return np.flatnonzero(self._table.labels == REAL)

    def _sample_labels(self) -> np.ndarray:
        real = super()._sample_labels()
        return np.concatenate([real, np.full_like(real, FAKE)])

    def _drawn(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return super()._drawn(indices % (len(self) // 2))

    def _picture(self, index: int, crop: int, out: np.ndarray | None) -> np.ndarray:
        picture = super()._picture(index, crop, out)
        if not self._is_blend(index):
            return picture
        seed, epoch = (0, 0) if self.test_mode else self._clock.tolist()
        rng = np.random.default_rng([seed, epoch, int(index), _STREAM])
        points, crops = self._table.face(crop)
        return self._blending.blend(picture, face_outline(points, crops, rng), rng)[0]

    def _describe(self, index: int, crop: int, video: int) -> ForgerySample:
        real = super()._describe(index, crop, video)
        if not self._is_blend(index):
            return real
        own = f"{real.video_id}/{METHOD}"
        sample_id = own + real.sample_id.removeprefix(real.video_id)
        return replace(real, sample_id=sample_id, video_id=own, method=METHOD, label=FAKE)

    def _is_blend(self, index: int) -> bool:
        return index >= len(self) // 2
