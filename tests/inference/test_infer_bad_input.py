"""What users get wrong, and files that cannot be scored."""

import os

import numpy as np
import pytest
from infer_helpers import MODEL, infer, read_rows, trained_on, write_checkpoint, write_videos
from PIL import Image
from stub_faces import SquareDetector, film, scene

from zoo.cli import USER_ERROR
from zoo.cli.infer import ALL_OK, SOME_UNSCORED
from zoo.faces.pipeline import AS_IT_IS
from zoo.predictions import read_predictions

FEATURES = {
    "type": "UnimodalTransformer",
    "modality": "visual",
    "projection": {"type": "FeatureProjection", "in_channels": 8, "out_channels": 8},
    "temporal": {"type": "TemporalTransformer", "channels": 8, "num_layers": 1, "num_heads": 2},
    "head": {"type": "ClassificationHead", "in_channels": 8},
    "loss": {"type": "BinaryCrossEntropyLoss"},
}

pytestmark = pytest.mark.usefixtures("stub_detector")


@pytest.fixture
def videos(tmp_path):
    return write_videos(tmp_path / "videos", 2)


def statuses(folder):
    table = read_predictions(folder / "s.predictions.parquet").to_pylist()
    return {row["sample_id"]: row["status"] for row in table}


@pytest.fixture
def spoilt(videos):
    """Two good videos, one that is cut off, one without a face, and a damaged picture in the middle."""
    whole = (videos / "video 0.mp4").read_bytes()
    (videos / "a cut off.mp4").write_bytes(whole[: len(whole) // 3])
    (videos / "picture.jpg").write_bytes(b"\xff\xd8\xff no picture")
    film(videos / "video 1b nobody.mp4", [scene() for _ in range(4)])
    return videos


def test_files_that_cannot_be_scored_are_told_and_nothing_is_invented(checkpoint, spoilt, tmp_path, capsys):
    assert infer(checkpoint, spoilt, tmp_path / "s.csv") == SOME_UNSCORED
    shown = capsys.readouterr().out
    assert "scored 2/5 files" in shown and "not scored: 3" in shown and "1 no_face" in shown
    assert "video 1b nobody.mp4: no_face: No face was found." in shown and "--default-score" in shown
    assert not (tmp_path / "s.csv").exists()
    found = statuses(tmp_path)
    assert [name for name, status in found.items() if status == "ok"] == ["video 0.mp4", "video 1.mp4"]
    assert found["video 1b nobody.mp4"] == "no_face" and found["picture.jpg"] not in ("ok", "no_face")


def test_a_default_score_is_given_on_request_and_stated(checkpoint, spoilt, tmp_path, capsys):
    assert infer(checkpoint, spoilt, tmp_path / "s.csv", "--default-score", 0.5) == ALL_OK
    assert "3 of its rows have no score of the detector, but 0.5 (--default-score)" in capsys.readouterr().out
    scores = dict(read_rows(tmp_path / "s.csv")[1:])
    assert {name for name, score in scores.items() if score == "0.5"} == set(scores) - {"video 0.mp4", "video 1.mp4"}
    assert statuses(tmp_path)["video 1b nobody.mp4"] == "no_face"


def test_a_mended_file_is_scored_by_the_next_run(checkpoint, spoilt, tmp_path, capsys):
    assert infer(checkpoint, spoilt, tmp_path / "s.csv") == SOME_UNSCORED
    for name in ("a cut off.mp4", "video 1b nobody.mp4"):
        (spoilt / name).write_bytes((spoilt / "video 0.mp4").read_bytes())
    capsys.readouterr()
    Image.fromarray(scene((20, 20, 40, (220, 30, 30)))).save(spoilt / "picture.jpg")
    assert infer(checkpoint, spoilt, tmp_path / "s.csv") == ALL_OK
    assert "scored 5/5 files (3 tried now)" in capsys.readouterr().out
    scores = dict(read_rows(tmp_path / "s.csv")[1:])
    assert scores["a cut off.mp4"] == scores["video 1b nobody.mp4"] == scores["video 0.mp4"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--backend", "onxruntime"), "Did you mean 'onnxruntime'?"),
        (("--device", "gpu"), "no device 'gpu'"),
        (("--default-score", 1.5), "not in [0, 1]"),
        (("--columns", "name"), "--columns takes two names"),
        (("--batch-size", 0), "--batch-size is at least 1"),
        (("--fallback-detector", "mtcnn"), "need --detector too"),
        (("--detector", "mtcn"), "Did you mean 'mtcnn'?"),
        (("--corpus", "celebd"), "Did you mean 'CelebDF'?"),
        (("--predictions", "x.txt"), ".parquet or .csv"),
        (("--sample-submission", "none.csv"), "no such sample"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(options, what, checkpoint, videos, tmp_path, capsys):
    assert infer(checkpoint, videos, tmp_path / "s.csv", *options) == USER_ERROR
    assert what in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"videos"}


def test_places_that_are_not_there(checkpoint, videos, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no media")
    (tmp_path / "none.pth").write_bytes(b"no checkpoint")
    for model, data, output, what in (
        (tmp_path / "no.pth", videos, "s.csv", "no.pth"),
        (tmp_path / "none.pth", videos, "s.csv", "none.pth"),
        (checkpoint, tmp_path / "nowhere", "s.csv", "does not exist"),
        (checkpoint, tmp_path / "empty", "s.csv", "no picture and no video"),
        (checkpoint, videos, "s.txt", "A submission is a .csv file"),
    ):
        assert infer(model, data, tmp_path / output) == USER_ERROR
        assert what in capsys.readouterr().err


def test_detectors_of_other_things_than_pictures_are_refused(videos, tmp_path, capsys):
    path = write_checkpoint(tmp_path / "sound.pth", model=FEATURES, provenance={})
    assert infer(path, videos, tmp_path / "s.csv") == USER_ERROR
    assert "a UnimodalTransformer, which does not score single pictures" in capsys.readouterr().err


def test_options_stand_in_for_provenance_that_is_missing(videos, monkeypatch, tmp_path, capsys):
    path = write_checkpoint(tmp_path / "old.pth", provenance={})
    assert infer(path, videos, tmp_path / "s.csv") == USER_ERROR
    shown = capsys.readouterr().err
    assert "Give --detector, --face-margin, --image-size, --align or --no-align, --faces as" in shown
    monkeypatch.setattr("zoo.cli.infer.detector_of", lambda options: SquareDetector())
    assert infer(path, videos, tmp_path / "s.csv", "--detector", "x", "--faces", "largest") == USER_ERROR
    shown = capsys.readouterr().err
    assert "Give --face-margin, --image-size, --align or --no-align as" in shown
    given = ("--detector", "x", "--faces", "largest", "--face-margin", 0.2, "--image-size", 32, "--no-align")
    assert infer(path, videos, tmp_path / "s.csv", *given) == ALL_OK


def test_crops_that_came_as_such_do_not_say_how_faces_are_cut(videos, monkeypatch, tmp_path, capsys):
    path = write_checkpoint(tmp_path / "b.pth", provenance=trained_on(detector=AS_IT_IS, detector_fingerprint=None))
    assert infer(path, videos, tmp_path / "s.csv") == USER_ERROR
    assert "does not say how faces are to be cut" in capsys.readouterr().err
    monkeypatch.setattr("zoo.cli.infer.detector_of", lambda options: SquareDetector())
    assert infer(path, videos, tmp_path / "s.csv", "--detector", "x") == USER_ERROR
    assert "--face-margin" in capsys.readouterr().err


def test_other_settings_than_in_training_are_remarked(checkpoint, videos, tmp_path, capsys):
    assert infer(checkpoint, videos, tmp_path / "s.csv", "--face-margin", 0.5) == ALL_OK
    assert "warning: other crops than in training: margin 0.5 (in training 0.2)" in capsys.readouterr().out


def test_another_checkpoint_or_other_settings_are_refused(checkpoint, videos, tmp_path, capsys):
    assert infer(checkpoint, videos, tmp_path / "s.csv") == ALL_OK
    before = (tmp_path / "s.csv").read_bytes()
    other = write_checkpoint(tmp_path / "other.pth", seed=1)
    assert infer(other, videos, tmp_path / "s.csv") == USER_ERROR
    assert "made in another way: checkpoint" in capsys.readouterr().err
    assert infer(checkpoint, videos, tmp_path / "s.csv", "--frames-per-video", 2) == USER_ERROR
    assert "frames_per_video None, now 2" in capsys.readouterr().err
    assert (tmp_path / "s.csv").read_bytes() == before


def test_a_logit_that_is_not_finite_is_no_score(videos, tmp_path, capsys):
    path = write_checkpoint(tmp_path / "nan.pth", model=MODEL)
    from zoo.engine.checkpoint import read_published, save_checkpoint

    state = read_published(path)
    name = next(name for name in state["state_dict"] if name.startswith("head") and name.endswith("bias"))
    state["state_dict"][name] = state["state_dict"][name] * np.nan
    save_checkpoint(path, state)
    assert infer(path, videos, tmp_path / "s.csv") == SOME_UNSCORED
    assert set(statuses(tmp_path).values()) == {"not_finite"}


def test_a_name_that_is_no_text_is_told_with_the_rest(checkpoint, videos, tmp_path, capsys):
    try:
        (videos / "video 1.mp4").rename(videos / os.fsdecode(b"\xff.mp4"))
    except OSError:
        pytest.skip("this file system takes no such name")
    assert infer(checkpoint, videos, tmp_path / "s.csv") == SOME_UNSCORED
    assert r"\xff.mp4: left_out: the name is no valid UTF-8" in capsys.readouterr().out
    assert statuses(tmp_path) == {"video 0.mp4": "ok", r"\xff.mp4": "left_out"}
