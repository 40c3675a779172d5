"""``zoo infer`` end to end: what is scored, how, and in what form it is handed in."""

import pytest
import torch
from infer_helpers import SIZE, infer, make_cropper, read_rows, write_checkpoint, write_videos
from preprocess_helpers import record
from stub_faces import SquareDetector

import zoo
import zoo.inference.setup
from zoo.cli.infer import ALL_OK
from zoo.predictions import read_predictions


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    """The detector that the provenance of checkpoints names; `trained_detector` has tests of its own."""
    monkeypatch.setattr(zoo.inference.setup, "trained_detector", lambda settings, where: SquareDetector())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "best.pth")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return write_videos(tmp_path_factory.mktemp("videos"))


def expected(checkpoint, crops):
    """The mean of the scores of ``crops`` [n, h, w, 3] by the model itself."""
    with torch.no_grad():
        logits = zoo.load_model(checkpoint)({"image": torch.from_numpy(crops).permute(0, 3, 1, 2)})
    return torch.sigmoid(logits).double().mean().item()


def test_a_video_scores_the_mean_of_its_crops_cut_as_in_training(checkpoint, videos, tmp_path, capsys):
    output = tmp_path / "submission.csv"
    assert infer(checkpoint, videos, output, "--batch-size", 5) == ALL_OK
    header, *rows = read_rows(output)
    assert header == ["filename", "label"]
    assert [name for name, _ in rows] == [f"video {n}.mp4" for n in range(4)]
    for name, score in rows:
        crops = make_cropper().crop(record(videos / name)).pictures
        assert crops.shape == (3, SIZE, SIZE, 3)
        assert float(score) == pytest.approx(expected(checkpoint, crops), abs=1e-5)
    assert len({score for _, score in rows}) == 4
    table = read_predictions(tmp_path / "submission.predictions.parquet").to_pylist()
    assert [(row["sample_id"], row["status"], row["score"]) for row in table] == [
        (name, "ok", pytest.approx(float(score), abs=1e-8)) for name, score in rows
    ]
    shown = capsys.readouterr().out
    assert "4 videos" in shown and "faces found by SquareDetector, margin 0.2" in shown
    assert "scored 4/4 files (4 tried now)" in shown and "12 crops" in shown
