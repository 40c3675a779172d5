"""Replicas are read by the readers of the corpora they imitate, as what they are, and their faces can be cut out."""

import json
from collections import Counter
from pathlib import Path

import pytest

from zoo.datasets.corpora.reading import read_corpus
from zoo.datasets.manifest import read_manifest
from zoo.datasets.preprocessing.run import preprocess
from zoo.faces.mtcnn import MTCNNDetector
from zoo.faces.pipeline import FaceCropper
from zoo.jobs.executors import InProcessExecutor
from zoo.media.choice import Evenly
from zoo.plugins import catalog
from zoo.registry import REGISTRIES

SMALL = {"duration_s": 1.0, "workers": 0}
READERS = {
    "CelebDFReplica": ("CelebDF", {"takes": 1}),
    "DFDCReplica": ("DFDC", {"takes": 1}),
    "DFDReplica": ("DeepFakeDetection", {"takes": 1}),
    "FaceForensicsReplica": ("FaceForensics", {"methods": ("Deepfakes", "NeuralTextures")}),
    "FakeAVCelebReplica": ("FakeAVCeleb", {"clips": 8}),
    "LAVDFReplica": ("LAVDF", {"takes": 2}),
    "WildDeepfakeReplica": ("WildDeepfake", {"takes": 1}),
}


def test_every_replica_has_a_reader():
    assert set(READERS) == set(catalog().names("replica"))


def as_planted(root: Path) -> Counter:
    """Clips by label, as the replica says of itself."""
    clips = json.loads((root / "truth.json").read_text())["clips"]
    return Counter(clip["label"] if "label" in clip else int(clip["category"] != "A") for clip in clips)


@pytest.mark.parametrize("name", READERS)
def test_a_replica_is_read_and_cropped(name, tmp_path):
    reader, options = READERS[name]
    root, crops = tmp_path / "corpus", tmp_path / "crops"
    REGISTRIES["replica"].get(name)(identities=4, **SMALL, **options).write(root)
    corpus = read_corpus(root)
    assert corpus.name == reader and not corpus.skipped
    listed = Counter(record.label for record in corpus.records)
    unsplit = len(corpus.excluded)  # people who would cross splits, where the corpus has none of its own
    assert sum(listed.values()) + unsplit == sum(as_planted(root).values())
    assert unsplit or listed == as_planted(root)
    assert {record.split for record in corpus.records} <= {"train", "val", "test"}

    some = [next(record for record in corpus.records if record.label == label) for label in (0, 1)]
    detector = None if reader == "WildDeepfake" else MTCNNDetector()
    cropper = FaceCropper(detector=detector, choice=Evenly(3), image_size=64)
    report = preprocess(some, crops, cropper, executor=InProcessExecutor())
    assert not report.failures
    table = read_manifest(crops).table
    assert Counter(table["label"].to_pylist()) == {0: 3, 1: 3}
    assert all((crops / path).is_file() for path in table["path"].to_pylist())
