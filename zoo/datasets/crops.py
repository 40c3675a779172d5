"""Face crops as training and evaluation samples; training on splits that leak is refused."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import torch
from mmengine.logging import print_log
from torch.utils.data import Dataset

from zoo.datasets.audit.guard import require_clean
from zoo.datasets.audit.report import LeakReport
from zoo.datasets.cells import Cells
from zoo.datasets.collate import require_size
from zoo.datasets.crop_table import COLUMNS, CropTable, crop_size
from zoo.datasets.manifest import Manifest, manifest_path, read_manifest, split_hash
from zoo.datasets.randomness import uniform
from zoo.datasets.splits import chosen_by_hash, split_name
from zoo.datasets.transforms.base import ImageTransform
from zoo.errors import ConfigError, DataError
from zoo.registry import build
from zoo.structures import FAKE, LABEL_NAMES, REAL, ForgerySample

_NO_ROOT_STEP: Final = (
    "Set `data_root` in the config, pass --data-root PATH, or set the environment variable ZOO_DATA_ROOT to a folder "
    "that tools/preprocess.py wrote. Without a corpus, make a synthetic one with tools/make_replica.py first."
)


class CropDataset(Dataset):
    """Single face crops out of the manifests of ``zoo preprocess``, as files or in packs.

    They are in the order of label (real ones first), corpus, method and video, so each cell of ``cells()`` is one run.

    A sample is ``{"inputs": {"image": uint8 [3, h, w]}, "data_samples": ForgerySample}``: RGB from 0 to 255, laid out
    row by row and pixel by pixel (channels last). A detector turns it into floats and normalises it, with the mean and
    deviation of its own backbone and on its own device; until then a picture is a quarter as large, in the queues of
    the workers and on the way to a GPU. On a CPU this costs 0.1 ms a picture of 224 pixels if mean and deviation are
    repeated along a row, [w * 3], and 0.5 ms if they are broadcast over three channels. ``start_s`` and ``end_s`` of
    the sample are both the time of its frame.

    In training all manifests are audited at the start (`zoo.datasets.audit.guard.require_clean`); the audit is kept
    beside the first of them, so that the next start only compares digests. Everything random about a sample depends
    on the seed, the epoch and its index alone.

    Args:
        data_root: a manifest or the folder that holds one, or a list of them.
        split: ``train``, ``val`` or ``test``; None takes every crop.
        transforms: ``ImageTransform`` objects or their configs, applied in order.
        test_mode: every crop is a sample, no audit is made, and one class is enough.
        image_size: side in pixels to which crops are resized when they are read; None takes them as they are.
        frames_per_video: in training, so many crops of each video an epoch (of a shorter one all), drawn anew each
            epoch, one from each of as many stretches of equal length. None takes all.
        allow_leaks: train even where people, sources or frames cross the splits. It is logged and noted in the
            checkpoint.
        persons_file: JSON file of who is who across corpora, for the audit.
        corpora: names of the corpora that are taken; None takes all.
        methods: likewise of manipulation methods, that of real videos among them.
        limit: use at most so many videos, in the classes' proportion, chosen by hash.
        seed: of draws and transforms until a sampler sets its own.

    Raises:
        DataError: no data root, no manifest there, an empty split, in training leaks or a split of one class; see also
            `CropTable`.
        ConfigError: an argument out of range, or a transform that is none of pictures.
    """

    metainfo: Final[Mapping] = {"classes": LABEL_NAMES}
    _columns: Sequence[str] = COLUMNS

    def __init__(
        self,
        data_root: str | Sequence[str] | None = None,
        *,
        split: str | None = "train",
        transforms: Sequence[ImageTransform | Mapping] = (),
        test_mode: bool = False,
        image_size: int | None = None,
        frames_per_video: int | None = None,
        allow_leaks: bool = False,
        persons_file: str | None = None,
        corpora: Sequence[str] | None = None,
        methods: Sequence[str] | None = None,
        limit: int | None = None,
        seed: int = 0,
    ):
        if not data_root:
            raise DataError("No data root is given.", where="CropDataset", next_step=_NO_ROOT_STEP)
        if frames_per_video is not None and frames_per_video < 1:
            raise ConfigError(f"frames_per_video must be at least 1, not {frames_per_video}.", where="CropDataset")
        if image_size is not None and image_size < 1:
            raise ConfigError(f"image_size must be at least 1, not {image_size}.", where="CropDataset")
        roots = [data_root] if isinstance(data_root, str | os.PathLike) else list(data_root)
        self.data_root = os.fspath(roots[0]) if len(roots) == 1 else [os.fspath(root) for root in roots]
        self.manifests = [manifest_path(root) for root in roots]
        self.split = None if split is None else split_name(split)
        self.transforms = [build("transform", transform) for transform in transforms]
        self.test_mode = test_mode
        self.frames_per_video = None if test_mode else frames_per_video
        self._clock = torch.tensor([seed, 0]).share_memory_()
        if wrong := [type(item).__name__ for item in self.transforms if not isinstance(item, ImageTransform)]:
            raise ConfigError(f"{wrong[0]} is no transform of pictures.", where="CropDataset.transforms")

        self._guard = partial(require_clean, allow_leaks=allow_leaks, persons_path=persons_file)
        self._audit = {} if test_mode else _audit_facts(self._guard(self.manifests))
        read = [read_manifest(path, columns=self._columns) for path in self.manifests]
        split_hashes = [manifest.split_hash for manifest in read]
        together = [manifest.table.select(["video_id", "split"]) for manifest in read]
        self._origin: dict[str, Any] = {
            "kind": "crops",
            "crop_hashes": sorted({manifest.crop_hash for manifest in read}),
            "crops": _crop_settings(read),
            "split_hash": split_hashes[0] if len(read) == 1 else split_hash(pa.concat_tables(together)),
            "split_hashes": sorted(split_hashes),
            "image_size": crop_size(read) if image_size is None else image_size,
        }
        if not test_mode and (ways := len(self._origin["crop_hashes"])) > 1:
            print_log(
                f"The crops were made in {ways} different ways: a detector may learn to tell these instead of fakes.",
                logger="current",
                level=logging.WARNING,
            )
        self._table = CropTable(read, split=self.split, corpora=corpora, methods=methods, image_size=image_size)
        del read, together
        pa.default_memory_pool().release_unused()
        self._videos = self._usable()
        if limit is not None and limit < len(self._videos):
            ids, labels = self._table.video_ids(self._videos), self._table.labels[self._videos]
            self._videos = self._videos[chosen_by_hash(ids, labels, limit)]
        crops = np.diff(self._table.starts)[self._videos]
        self._slots = crops if self.frames_per_video is None else np.minimum(crops, self.frames_per_video)
        self._ends = np.cumsum(self._slots)
        self._labels = self._sample_labels()
        self._check_classes()

    def __len__(self) -> int:
        return len(self._labels)

    def labels(self) -> np.ndarray:
        """int8 [n], 0 = real, 1 = fake, rising; -1 where hidden."""
        return self._labels

    def class_counts(self) -> dict[int, int]:
        """Number of samples by label."""
        return {label: int((self._labels == label).sum()) for label in (REAL, FAKE)}

    def cells(self) -> Cells:
        """The samples by corpus, label and method, as they are after all choices of this dataset."""
        table, videos = self._table, self._videos
        return Cells.of_runs(
            table.labels[videos],
            table.corpora[videos],
            table.methods[videos],
            self._slots,
            corpus_names=table.corpus_names.to_pylist(),
            method_names=table.method_names.to_pylist(),
        )

    def provenance(self) -> dict:
        """What this data is, as plain values.

        ``crops`` tell how the crops were made, one mapping a way, ``crop_hashes`` are theirs, and ``split_hash`` tells
        which video is in which split, in all manifests together and, as ``split_hashes``, in each. ``image_size`` is
        the side of the samples in pixels (None if the manifests do not say). ``corpora`` counts crops. In training
        ``leaks`` counts what crosses the splits, and ``leaks_found`` says it in words.
        """
        return {
            **self._origin,
            **self._audit,
            "corpora": self._table.corpus_counts(self._videos),
            "split": self.split,
            "videos": len(self._videos),
            "samples": len(self),
        }

    def set_epoch(self, epoch: int, seed: int | None = None) -> None:
        """Let the samples be those of ``epoch``, in this process and in workers that live already."""
        self._clock[1] = epoch
        if seed is not None:
            self._clock[0] = seed

    def keep_apart_from(self, validation: Dataset) -> None:
        """Audit anew together with the data that this training is validated on, where that lies elsewhere.

        Raises:
            DataError: they share what must not cross splits, and ``allow_leaks`` is not set.
        """
        if self.test_mode or not isinstance(validation, CropDataset):
            return
        if not set(validation._origin["crop_hashes"]) <= set(self._origin["crop_hashes"]):
            print_log(
                "The crops of validation were made in another way than those of training: figures show that too.",
                logger="current",
                level=logging.WARNING,
            )
        mine = {path.resolve() for path in self.manifests}
        if others := [path for path in validation.manifests if path.resolve() not in mine]:
            self._audit = _audit_facts(self._guard([*others, *self.manifests]))  # saved beside the first, not over ours

    def __getitem__(self, index: int) -> dict:
        (crop,), (video,) = self._draw(np.array([index]))
        return self._sample(index, int(crop), int(video))

    def __getitems__(self, indices: Sequence[int]) -> dict:
        """The samples at ``indices`` as one batch: ``image`` [b, 3, h, w] and a list of ``data_samples``."""
        crops, videos = self._draw(np.asarray(indices))
        batch: np.ndarray | None = None  # decoded into where possible: fresh memory costs more than what is copied
        samples = []
        for place, (index, crop, video) in enumerate(zip(indices, crops.tolist(), videos.tolist(), strict=True)):
            samples.append(self._describe(index, crop, video))
            out = None if batch is None else batch[place]
            image = self._image(index, crop, out)
            if batch is None:
                batch = np.empty((len(crops), *image.shape), np.uint8)
            require_size(image.shape, batch.shape[1:], samples[-1])
            if image is not out:
                batch[place] = image
        assert batch is not None
        return {"inputs": {"image": torch.from_numpy(batch).permute(0, 3, 1, 2)}, "data_samples": samples}

    def _draw(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The crop that each of ``indices`` is in this epoch, and the video it is of; int64 [k]."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"The dataset has {len(self)} samples.")
        return self._drawn(indices)

    def _drawn(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        here = np.searchsorted(self._ends, indices, side="right")
        videos, slots = self._videos[here], self._slots[here]
        turns = indices - (self._ends[here] - slots)
        firsts, counts = self._table.starts[videos], self._table.starts[videos + 1] - self._table.starts[videos]
        begins, ends = turns * counts // slots, (turns + 1) * counts // slots
        within = (uniform(indices, key=self._clock.tolist()) * (ends - begins)).astype(np.int64)
        return firsts + begins + within, videos

    def _sample(self, index: int, crop: int, video: int) -> dict:
        image = torch.from_numpy(np.ascontiguousarray(self._image(index, crop))).permute(2, 0, 1)
        return {"inputs": {"image": image}, "data_samples": self._describe(index, crop, video)}

    def _image(self, index: int, crop: int, out: np.ndarray | None = None) -> np.ndarray:
        """The transformed picture, uint8 [h, w, 3]; ``out`` may be used for it, and is returned then."""
        sample = {"image": self._picture(index, crop, out)}
        if self.transforms:
            seed, epoch = self._clock.tolist()
            rng = np.random.default_rng([seed, epoch, int(index)])
            for transform in self.transforms:
                sample = transform(sample, rng)
        return sample["image"]

    def _picture(self, index: int, crop: int, out: np.ndarray | None) -> np.ndarray:
        return self._table.picture(crop, out=out)

    def _describe(self, index: int, crop: int, video: int) -> ForgerySample:
        return self._table.describe(crop, video)

    def _sample_labels(self) -> np.ndarray:
        return np.repeat(self._table.labels[self._videos], self._slots)

    def _usable(self) -> np.ndarray:
        """The videos that are read, int64 [k], in training only labelled ones."""
        labels = self._table.labels
        videos = np.arange(len(labels))
        if not self.test_mode and (hidden := int((labels < 0).sum())):
            print_log(
                f"{hidden} of {len(labels)} videos of split {self.split!r} have no label and are left out.",
                logger="current",
                level=logging.WARNING,
            )
            videos = videos[hidden:]
        return videos

    def _check_classes(self) -> None:
        where = ", ".join(map(str, self.manifests))
        if not len(self):
            raise DataError(
                f"Split {self.split!r} has no crops that can be used.",
                where=where,
                next_step="Check the split's name, corpora and methods, and the report beside the manifest.",
            )
        if not self.test_mode and len(present := np.unique(self._labels)) < 2:
            raise DataError(
                f"Split {self.split!r} holds only {LABEL_NAMES[present[0]]} crops; training needs both classes.",
                where=where,
                next_step="Add crops of the other class, or check corpora and methods.",
            )


def _crop_settings(manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """Each way in which crops were made, in the order of their hashes: what repeats it on other videos."""
    ways = {manifest.crop_hash: dict(manifest.provenance) for manifest in manifests}
    return [ways[key] for key in sorted(ways)]


def _audit_facts(report: LeakReport) -> dict[str, Any]:
    if not report.clean:  # told on the terminal already; this is for the log file of the run
        print_log(f"Training over leaks: {report.summary()}.", logger="current", level=logging.INFO)
    return {"leaks": sum(leak.count for leak in report.leaks), "leaks_found": report.summary()}
