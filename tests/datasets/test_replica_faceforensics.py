"""The FaceForensics++ replica: the tree as it is downloaded, and fakes that are their originals but for the face."""

import json
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from zoo.datasets.replica.faceforensics import METHODS, FaceForensicsReplica

USUAL = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
PEOPLE = 4
NOISE = 2.0  # mean grey levels that H.264 at CRF 23 may differ by


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("replica") / "faceforensics"
    both = ("c23", "c40")
    FaceForensicsReplica(identities=PEOPLE, duration_s=1.0, methods=tuple(METHODS), compressions=both, workers=0).write(
        root
    )
    return root


def splits(tree: Path) -> dict[str, list[list[str]]]:
    return {name: json.loads((tree / "splits" / f"{name}.json").read_text()) for name in ("train", "val", "test")}


def directed(tree: Path) -> list[tuple[str, str]]:
    return [way for pairs in splits(tree).values() for a, b in pairs for way in ((a, b), (b, a))]


def grey(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="gray") for frame in file.decode(video=0)]).astype(np.int16)


def fake(tree: Path, method: str, target: str, source: str, compression: str = "c23") -> Path:
    return tree / "manipulated_sequences" / method / compression / "videos" / f"{target}_{source}.mp4"


def real(tree: Path, name: str, compression: str = "c23") -> Path:
    return tree / "original_sequences" / "youtube" / compression / "videos" / f"{name}.mp4"


def test_the_tree_is_that_of_the_corpus(tree):
    expected = {f"splits/{name}.json" for name in ("train", "val", "test")} | {"replica.json", "truth.json"}
    for target, source in directed(tree):
        for compression in ("c23", "c40"):
            expected.add(f"original_sequences/youtube/{compression}/videos/{target}.mp4")
            expected |= {
                f"manipulated_sequences/{method}/{compression}/videos/{target}_{source}.mp4" for method in METHODS
            }
        expected |= {f"manipulated_sequences/{method}/masks/videos/{target}_{source}.mp4" for method in USUAL}
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()} == expected


def test_pairs_lie_within_a_split_and_everybody_is_in_one(tree):
    everybody = [name for pairs in splits(tree).values() for pair in pairs for name in pair]
    assert sorted(everybody) == [f"{number:03d}" for number in range(PEOPLE)]
    assert all(len(pair) == 2 for pairs in splits(tree).values() for pair in pairs)
    assert splits(tree)["train"] and splits(tree)["test"]


def test_by_default_there_are_four_methods_in_the_usual_compression():
    replica = FaceForensicsReplica()
    assert replica.methods == USUAL and replica.compressions == ("c23",)
    assert len(replica.clips) == 20 * 5


@pytest.mark.parametrize("method", USUAL)
def test_a_fake_is_its_original_but_for_the_mask(method, tree):
    for target, source in directed(tree)[:2]:
        original, forged = grey(real(tree, target)), grey(fake(tree, method, target, source))
        mask = grey(tree / "manipulated_sequences" / method / "masks" / "videos" / f"{target}_{source}.mp4")
        assert original.shape == forged.shape == mask.shape == (25, 224, 224)
        assert ((mask < 40) | (mask > 215)).mean() > 0.99
        near = np.stack([cv2.dilate((m > 40).astype(np.uint8), np.ones((17, 17), np.uint8)) > 0 for m in mask])
        difference = np.abs(original - forged)
        assert difference[~near].mean() < NOISE
        assert difference[mask > 215].mean() > 1.5 * difference[~near].mean()
        assert (mask > 215).any((1, 2)).all()


def test_a_fake_keeps_the_place_of_its_original(tree):
    """Pictures of one target match frame by frame; those of another do not."""
    target, source = directed(tree)[0]
    original = grey(real(tree, target))
    outline = np.s_[:, :60]  # hair and wall, above every mask
    for method in METHODS:
        forged = grey(fake(tree, method, target, source))
        own = np.abs(forged[outline] - original[outline]).mean()
        late = np.abs(forged[outline][8:] - original[outline][:-8]).mean()
        other = np.abs(forged[outline] - grey(real(tree, source))[outline]).mean()
        assert own < NOISE and own < 0.7 * late and own < 0.3 * other


def test_methods_differ_from_each_other(tree):
    target, source = directed(tree)[0]
    for one, other in combinations(USUAL, 2):
        assert not np.array_equal(grey(fake(tree, one, target, source)), grey(fake(tree, other, target, source)))


def test_c40_is_the_same_clip_compressed_harder(tree):
    for target, source in directed(tree)[:2]:
        clips = [
            [real(tree, target, compression) for compression in ("c23", "c40")],
            [fake(tree, "FaceSwap", target, source, compression) for compression in ("c23", "c40")],
        ]
        for light, heavy in clips:
            assert heavy.stat().st_size < 0.6 * light.stat().st_size
            assert np.abs(grey(light) - grey(heavy)).mean() < 8


def test_only_the_face_swaps_take_anothers_identity(tree):
    rows = [row for row in json.loads((tree / "truth.json").read_text())["clips"] if row["label"]]
    assert len(rows) == PEOPLE * len(METHODS)
    ways = {(f"{row['identity']:03d}", f"{row['donor'][0]:03d}") for row in rows}
    assert ways == set(directed(tree))
