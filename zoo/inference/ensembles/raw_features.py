"""Raw videos to the scores of a detector of features: extracted as for its training, then evaluated."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from mmengine.config import Config

from zoo.errors import DataError, ZooError
from zoo.features.extraction import ExtractionReport, extract_all
from zoo.features.extractor import Extractor
from zoo.features.layout import digest_of
from zoo.inference.crop_settings import CropSettings, trained_detector
from zoo.inference.evaluation import evaluate
from zoo.inference.inputs import Inputs
from zoo.inference.run import LEFT_OUT
from zoo.inference.scoring import Score
from zoo.inference.trained_extractor import trained_extractor
from zoo.structures import VideoRecord

SPLIT: Final = "test"
"""What the store of raw videos calls the split of all of them."""
NOT_A_VIDEO: Final = "not_a_video"
NO_AUDIO: Final = "no_audio"
_NEXT_STEP: Final = (
    "Extract the features of the videos as for the training (zoo extract-features), and give them to zoo test "
    "with the ensemble's config."
)


def is_of_features(dataset: Mapping[str, Any], provenance: Mapping[str, Any]) -> bool:
    """Whether a detector with this dataset and this training data takes features rather than pictures."""
    return provenance.get("kind") in ("feature_store", "npz_tree") or dataset.get("type") == "FeatureDataset"


def extractor_of(provenance: Mapping[str, Any], *, where: object) -> Extractor:
    """The extractor of the training's features, known by its fingerprint; its parts take their default arguments.

    Args:
        provenance: of the training data, out of a checkpoint.
        where: what errors point at.

    Raises:
        DataError: the extractor is not known, or had arguments of its own.
        MissingDependency: a part needs what is absent.
    """
    told = provenance.get("fingerprint")
    if not isinstance(told, Mapping) or not {"visual", "audio", "face_detector", "sampling"} <= set(told):
        raise DataError(
            "The checkpoint does not say how the features of its training were extracted.",
            where=where,
            next_step=_NEXT_STEP,
        )
    face_detector, fingerprint = told["face_detector"].split(" ", 1)
    settings = CropSettings(known={"detector": face_detector, "detector_fingerprint": fingerprint})
    given = {"face_detector": trained_detector(settings, where=where)}
    try:
        extractor, _ = trained_extractor(provenance, given=given, allow_mismatch=True, where=where)
    except DataError as error:
        error.next_step = _NEXT_STEP
        raise
    now = extractor.fingerprint()
    if strange := [name for name in ("visual", "audio", "sampling") if now[name] != told[name]]:
        made = ", ".join(f"{name}: {told[name]}" for name in strange)
        raise DataError(
            f"The features of the training were extracted with arguments that the checkpoint does not tell ({made}).",
            where=where,
            next_step=_NEXT_STEP,
        )
    return extractor


class VideoFeatures:
    """Features of the videos among ``inputs``, extracted once for each different extractor.

    Args:
        inputs: what is scored.
        folder: where stores are kept; what a store has already is not extracted again.
        workers: processes; None for one a CPU, 0 for none.
        timeout_s: for one video.
        memory_bytes: that a worker may allocate.
        on_progress: called with (done, total, failed).
    """

    def __init__(
        self,
        inputs: Inputs,
        folder: str | os.PathLike,
        *,
        workers: int | None = None,
        timeout_s: float = 900.0,
        memory_bytes: int | None = 4 << 30,
        on_progress: Callable[[int, int, int], None] | None = None,
    ):
        self.inputs = inputs
        self.folder = Path(folder)
        self._extract = partial(
            extract_all, workers=workers, timeout_s=timeout_s, memory_bytes=memory_bytes, on_progress=on_progress
        )
        self._reports: dict[Path, ExtractionReport] = {}

    @property
    def extracted_now(self) -> int:
        """How many videos this run has extracted; the others were in the stores before."""
        return max((report.extracted_now for report in self._reports.values()), default=0)

    def records(self) -> list[VideoRecord]:
        """One a video, called as its file is."""
        return [
            replace(file.record, video_id=file.name, split=SPLIT, label=-1, method="unknown", fake_segments=())
            for file in self.inputs.files
            if file.kind == "video" and file.record is not None
        ]

    def extracted(self, provenance: Mapping[str, Any], *, where: object) -> tuple[Path, ExtractionReport]:
        """The store with the features that a training with ``provenance`` needs, and what became of the videos."""
        store = self.folder / f"features-{digest_of(provenance.get('fingerprint'))[:12]}"
        if store not in self._reports:
            extractor = extractor_of(provenance, where=where)
            self._reports[store] = self._extract(self.records(), store, extractor, retry_failed=True)
        return store, self._reports[store]


def score_features(
    name: str,
    checkpoint: Path,
    published: Mapping[str, Any],
    loader: Mapping[str, Any],
    features: VideoFeatures,
) -> dict[str, Score]:
    """The score of every input, or why there is none; a detector that hears gives none to a video without sound.

    Args:
        name: of the member.
        checkpoint: of a detector of features.
        published: what it holds.
        loader: config of its evaluation's data loader, without a data root.
        features: of the videos.

    Raises:
        DataError: its features cannot be extracted.
    """
    inputs = features.inputs
    found = {
        file.name: Score(name=file.name, status=NOT_A_VIDEO, note="Features are of videos.")
        for file in inputs.files
        if file.kind != "video"
    }
    found |= {
        one: Score(name=one, status=LEFT_OUT, note=reason, failed=True) for one, reason in inputs.left_out.items()
    }
    names = [record.video_id for record in features.records()]
    if not names:
        return found
    try:
        store, report = features.extracted(published["provenance"], where=checkpoint)
    except ZooError as error:
        error.what = f"Member {name}: {error.what}"
        raise
    config = _config(name, checkpoint, published, loader, store)
    if config.test_dataloader.dataset.get("modality", "both") != "visual":
        found |= {one: Score(name=one, status=NO_AUDIO, note=reason) for one, reason in report.silent.items()}
    found |= {one.key: Score(name=one.key, status=one.status, note=one.reason, failed=True) for one in report.failures}
    scored: dict[str, Mapping[str, Any]] = {}
    if len(found.keys() & set(names)) < len(names):
        result = evaluate(config, checkpoint, split=SPLIT)
        assert result is not None  # a single process is rank 0
        scored = {row["video_id"]: row for row in result.table.to_pylist()}
    for one in names:
        if one not in found:
            row = scored.get(one, {"status": "no_features"})
            found[one] = Score(
                name=one,
                status=row["status"],
                score=row.get("score"),
                start_s=row.get("start_s"),
                end_s=row.get("end_s"),
            )
    return found


def _config(
    name: str, checkpoint: Path, published: Mapping[str, Any], loader: Mapping[str, Any], store: Path
) -> Config:
    loader = copy.deepcopy(dict(loader))
    dataset = {**loader["dataset"], "data_root": str(store), "split": SPLIT, "test_mode": True}
    for choosing in ("splits_file", "limit"):
        dataset.pop(choosing, None)
    return Config(
        {
            "model": published["architecture"],
            "test_dataloader": {**loader, "dataset": dataset, "num_workers": 0},
            "test_evaluator": {"type": "ForgeryMetric"},
            "test_cfg": {"type": "TestingLoop"},
            "default_scope": "zoo",
            "experiment_name": name,
            "work_dir": str(store.parent / "logs" / name),
            "launcher": "none",
            "load_from": str(checkpoint),
            "resume": False,
        }
    )
