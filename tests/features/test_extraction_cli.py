import json

import cv2
import numpy as np
import pytest

from zoo.cli import extract_features as command
from zoo.cli import run
from zoo.errors import ConfigError, DataError, UnknownComponent
from zoo.features.extraction import REPORT
from zoo.features.store import FeatureStore
from zoo.media.encode import write_video

pytest.importorskip("facenet_pytorch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``{real,fake}`` with a photographed face that drifts, and one broken file."""
    portrait = pytest.importorskip("skimage.data").astronaut()
    root = tmp_path_factory.mktemp("folder")
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    for index, name in enumerate(("real/one", "real/two", "fake/swap/three")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        lefts = np.linspace(96, 90 - index, 25)
        frames = [cv2.getRectSubPix(portrait, (160, 160), (left + 90, 110.0)) for left in lefts]
        write_video(root / f"{name}.mp4", frames, fps=25, audio=sound, rate=16_000)
    (root / "fake" / "swap" / "broken.mp4").write_bytes(b"")
    return root


def extract(folder, output, *more):
    return command.main(["--input", str(folder), "--output", str(output), "--num-workers", "0", *more])


def test_a_labelled_folder_becomes_a_store(folder, tmp_path, capsys):
    assert extract(folder, tmp_path / "out") == command.SOME_FAILED
    store = FeatureStore(tmp_path / "out")
    known = store.index.select(["video_id", "label", "method", "status"]).to_pylist()
    assert known == [
        {"video_id": "videos/fake/swap/broken.mp4", "label": 1, "method": "swap", "status": "empty_file"},
        {"video_id": "videos/fake/swap/three.mp4", "label": 1, "method": "swap", "status": "ok"},
        {"video_id": "videos/real/one.mp4", "label": 0, "method": "real", "status": "ok"},
        {"video_id": "videos/real/two.mp4", "label": 0, "method": "real", "status": "ok"},
    ]
    printed = capsys.readouterr().out
    assert "processed 3/4 videos (4 now, 0 before), 75 frames, faces found in 100.0%" in printed
    assert "failed: videos/fake/swap/broken.mp4: empty_file" in printed
    (failure,) = json.loads((tmp_path / "out" / REPORT).read_text())["failures"]
    assert failure["status"] == "empty_file"
    assert extract(folder, tmp_path / "out") == command.SOME_FAILED
    assert "(0 now, 4 before)" in capsys.readouterr().out


def test_exit_codes_of_whole_success_and_whole_failure(folder, tmp_path):
    assert extract(folder / "real" / "one.mp4", tmp_path / "one") == command.ALL_OK
    assert FeatureStore(tmp_path / "one").record(0).label == -1  # a single file says nothing
    assert extract(folder / "fake" / "swap" / "broken.mp4", tmp_path / "none") == command.NONE_OK


def test_embedders_and_their_arguments_are_chosen_by_name(folder, tmp_path):
    code = extract(
        *(folder / "real", tmp_path / "out", "--rate", "5"),
        *("--visual", "TimmEmbedder", "--visual-options", "name=test_resnet", "pretrained=False", "size=64"),
        *("--face-detector-options", "min_face_size=30"),
    )
    assert code == command.ALL_OK
    store = FeatureStore(tmp_path / "out")
    assert store.lengths.tolist() == [5, 5]
    assert store.fingerprint["visual"].startswith("TimmEmbedder ")
    assert store.saved_array("visual_projection").shape == (96, 512)


def test_splits_are_given_where_the_corpus_has_none(folder, tmp_path):
    extract(folder, tmp_path / "out", "--split-ratio", "0.5,0.25,0.25", "--seed", "3")
    splits = FeatureStore(tmp_path / "out").index["split"].to_pylist()
    assert sorted(splits) == ["test", "train", "train", "val"]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (["--visual", "MouthPixel"], UnknownComponent),
        (["--visual", "LogMel"], ConfigError),
        (["--corpus", "fakeavceleb"], DataError),
        (["--corpus", "nothing"], UnknownComponent),
    ],
)
def test_mistakes_are_named_before_anything_is_decoded(folder, tmp_path, more, error):
    with pytest.raises(error):
        extract(folder, tmp_path / "out", *more)
    assert not (tmp_path / "out").exists()


def test_an_empty_input_is_one_clear_error(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    assert run(lambda: extract(tmp_path / "in", tmp_path / "out")) == 2
    assert "Looked for" in capsys.readouterr().err


def test_pictures_are_refused(tmp_path):
    for label in ("real", "fake"):
        (tmp_path / "in" / label).mkdir(parents=True)
        (tmp_path / "in" / label / "a.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="ImageFolder holds pictures"):
        extract(tmp_path / "in", tmp_path / "out")


def test_one_share_splits_into_train_and_val(folder, tmp_path):
    extract(folder, tmp_path / "out", "--split-ratio", "0.6")
    assert set(FeatureStore(tmp_path / "out").index["split"].to_pylist()) == {"train", "val"}


@pytest.mark.parametrize("wrong", [["--rate", "0"], ["--split-ratio", "1,2,3"], ["--visual-options", "width"]])
def test_malformed_options_are_refused(folder, tmp_path, wrong):
    with pytest.raises(SystemExit):
        extract(folder, tmp_path / "out", *wrong)
