"""``zoo infer`` end to end: what is scored, how, and in what form it is handed in."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import cv2
import pytest
import torch
from infer_helpers import COLOURS, SIZE, infer, make_cropper, read_rows, write_checkpoint, write_videos
from preprocess_helpers import cut, make_records, record
from stub_faces import scene

import zoo
import zoo.inference.setup
from zoo.cli.infer import ALL_OK, _backend_name
from zoo.datasets.manifest import read_manifest
from zoo.datasets.preprocessing.crop_job import Encoding
from zoo.media.choice import Evenly
from zoo.predictions import read_predictions

pytestmark = pytest.mark.usefixtures("stub_detector")


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


def test_crops_are_scored_as_they_were_stored(checkpoint, tmp_path):
    records = make_records(tmp_path / "corpus", 3)
    cut(records, tmp_path / "crops", cropper=make_cropper(), encoding=Encoding(format="png"))
    assert infer(checkpoint, tmp_path / "crops", tmp_path / "s.csv") == ALL_OK
    scores = dict(read_rows(tmp_path / "s.csv")[1:])
    assert set(scores) == {one.video_id for one in records}
    raw = {one.video_id: expected(checkpoint, make_cropper().crop(one).pictures) for one in records}
    assert {name: float(score) for name, score in scores.items()} == pytest.approx(raw, abs=1e-5)
    assert infer(checkpoint, tmp_path / "crops", tmp_path / "one.csv", "--frames-per-video", 1) == ALL_OK
    assert dict(read_rows(tmp_path / "one.csv")[1:]) != scores


def pictures_in(folder, side=40, count=3):
    """Square pictures with a face that fills the middle; returns them by name."""
    folder.mkdir()
    made = {}
    for n in range(count):
        picture = scene((side // 8, side // 8, 3 * side // 4, COLOURS[n]), size=(side, side))
        cv2.imwrite(str(folder / f"{n}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        made[f"{n}.png"] = picture
    return made


def test_small_square_pictures_are_crops_and_others_hold_faces_to_find(checkpoint, tmp_path, capsys):
    made = pictures_in(tmp_path / "crops")
    assert infer(checkpoint, tmp_path / "crops", tmp_path / "s.csv") == ALL_OK
    assert "pictures taken as face crops" in capsys.readouterr().out
    for name, score in read_rows(tmp_path / "s.csv")[1:]:
        small = cv2.resize(made[name], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        assert float(score) == pytest.approx(expected(checkpoint, small[None]), abs=1e-5)
    assert infer(checkpoint, tmp_path / "crops", tmp_path / "f.csv", "--pictures", "scenes") == ALL_OK
    assert "faces found by SquareDetector" in capsys.readouterr().out
    for name, score in read_rows(tmp_path / "f.csv")[1:]:
        crops = make_cropper().crop(record(tmp_path / "crops" / name)).pictures
        assert float(score) == pytest.approx(expected(checkpoint, crops), abs=1e-5)
    pictures_in(tmp_path / "photographs", side=700, count=1)
    assert infer(checkpoint, tmp_path / "photographs", tmp_path / "p.csv") == ALL_OK
    assert "faces found by SquareDetector" in capsys.readouterr().out


def test_a_tree_of_pictures_and_videos_and_a_single_file(checkpoint, videos, tmp_path):
    tree = tmp_path / "tree"
    for path, name in (("video 0.mp4", "b/deep/x.MP4"), ("video 1.mp4", "a.mp4")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((videos / path).read_bytes())
    pictures_in(tree / "c", count=1)
    assert infer(checkpoint, tree, tmp_path / "s.csv") == ALL_OK
    assert [name for name, _ in read_rows(tmp_path / "s.csv")[1:]] == ["a.mp4", "b/deep/x.MP4", "c/0.png"]
    assert infer(checkpoint, tree / "a.mp4", tmp_path / "one.csv") == ALL_OK
    assert read_rows(tmp_path / "one.csv")[1] == read_rows(tmp_path / "s.csv")[1]


def test_rows_are_those_of_the_sample(checkpoint, videos, tmp_path, capsys):
    sample = tmp_path / "sample.csv"
    sample.write_text("id,fake\nvideo 2,0\nvideo 0,0\nvideo 3,0\nvideo 1,0\n")
    assert infer(checkpoint, videos, tmp_path / "s.csv", "--sample-submission", sample) == ALL_OK
    assert infer(checkpoint, videos, tmp_path / "all.csv") == ALL_OK
    scores = dict(read_rows(tmp_path / "all.csv"))
    rows = read_rows(tmp_path / "s.csv")
    assert rows == [["id", "fake"], *([f"video {n}", scores[f"video {n}.mp4"]] for n in (2, 0, 3, 1))]
    assert "4 rows of id,fake" in capsys.readouterr().out


def test_scores_do_not_depend_on_batches_or_workers(checkpoint, videos, tmp_path):
    assert infer(checkpoint, videos, tmp_path / "a.csv", "--batch-size", 4) == ALL_OK
    assert infer(checkpoint, videos, tmp_path / "b.csv", "--batch-size", 4, "--num-workers", 2) == ALL_OK
    assert read_rows(tmp_path / "a.csv") == read_rows(tmp_path / "b.csv")
    assert infer(checkpoint, videos, tmp_path / "c.csv", "--batch-size", 1) == ALL_OK
    scores = [[float(score) for _, score in read_rows(tmp_path / name)[1:]] for name in ("a.csv", "c.csv")]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_backends_go_by_short_names_or_their_own():
    assert [_backend_name(name) for name in ("torch", "onnxruntime")] == ["TorchBackend", "OnnxRuntimeBackend"]
    assert _backend_name("TorchBackend") == "TorchBackend"


@pytest.mark.slow
def test_the_backend_of_onnx_runtime_gives_the_same_scores(checkpoint, videos, monkeypatch, tmp_path, capsys):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    assert infer(checkpoint, videos, tmp_path / "a.csv") == ALL_OK
    assert infer(checkpoint, videos, tmp_path / "b.csv", "--backend", "onnxruntime") == ALL_OK
    assert "by OnnxRuntimeBackend on cpu" in capsys.readouterr().out
    one, other = ([float(score) for _, score in read_rows(tmp_path / name)[1:]] for name in ("a.csv", "b.csv"))
    assert one == pytest.approx(other, abs=1e-3)


def test_a_repeated_run_does_nothing_again_and_notices_changed_files(checkpoint, videos, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(videos, data)
    assert infer(checkpoint, data, tmp_path / "s.csv") == ALL_OK
    first = (tmp_path / "s.csv").read_bytes()
    capsys.readouterr()
    assert infer(checkpoint, data, tmp_path / "s.csv") == ALL_OK
    assert "scored 4/4 files (0 tried now)" in capsys.readouterr().out
    assert (tmp_path / "s.csv").read_bytes() == first
    shutil.copy(data / "video 0.mp4", data / "video 3.mp4")
    os.utime(data / "video 3.mp4", (1, 1))
    assert infer(checkpoint, data, tmp_path / "s.csv") == ALL_OK
    assert "scored 4/4 files (1 tried now)" in capsys.readouterr().out
    scores = dict(read_rows(tmp_path / "s.csv"))
    assert scores["video 3.mp4"] == scores["video 0.mp4"]


def test_only_the_estimate(checkpoint, videos, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("zoo.inference.trial.LEAST_FILES", 2)
    monkeypatch.setattr("zoo.inference.trial.LEAST_S", 0.0)
    options = ("--only-estimate", "--batch-size", 3)
    assert infer(checkpoint, videos, tmp_path / "s.csv", *options) == ALL_OK
    assert re.search(r"trial: 2 files in [\d.]+ s; 4 files in \d+ s \(", capsys.readouterr().out)
    assert not (tmp_path / "s.csv").exists()
    assert infer(checkpoint, videos, tmp_path / "s.csv") == ALL_OK
    assert "scored 4/4 files (2 tried now)" in capsys.readouterr().out


KILLED = """
import sys, time
sys.path[:0] = {path!r}
import stub_faces, infer_helpers, zoo.inference.setup
class SquareDetector(stub_faces.SquareDetector):
    def detect(self, frames):
        time.sleep(0.3)
        return super().detect(frames)
zoo.inference.setup.trained_detector = lambda settings, where: SquareDetector()
sys.exit(infer_helpers.infer(*sys.argv[1:], "--batch-size", 1))
"""


def test_killed_and_repeated_it_ends_as_if_nothing_had_happened(checkpoint, tmp_path, capsys):
    data = write_videos(tmp_path / "data", 8)
    arguments = [str(value) for value in (checkpoint, data, tmp_path / "s.csv")]
    journal = tmp_path / "s.csv.run" / "journal.jsonl"
    code = KILLED.format(path=[entry for entry in sys.path if entry])
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if journal.is_file() and len(journal.read_bytes().splitlines()) > 2:
            break
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "s.csv").exists()
    done = len(journal.read_bytes().splitlines()) - 1
    assert 0 < done < 8
    assert infer(*arguments, "--batch-size", 1) == ALL_OK
    assert f"({8 - done} tried now)" in capsys.readouterr().out
    assert infer(checkpoint, data, tmp_path / "whole.csv", "--batch-size", 1) == ALL_OK
    assert (tmp_path / "s.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith("s.")}
    assert left == {"s.csv", "s.csv.run", "s.predictions.parquet"}
    assert not (tmp_path / "s.csv.run" / "owner.json").exists()


def test_raw_videos_score_what_their_stored_crops_score(tmp_path):
    data = write_videos(tmp_path / "data", 3)
    records = [record(data / f"video {n}.mp4", f"video {n}.mp4") for n in range(3)]
    cut(records, tmp_path / "crops", cropper=make_cropper(choice=Evenly(2)), encoding=Encoding(quality=60))
    ways = [read_manifest(tmp_path / "crops").provenance]
    checkpoint = write_checkpoint(tmp_path / "best.pth", provenance={"crops": ways, "image_size": SIZE})
    assert infer(checkpoint, data, tmp_path / "raw.csv") == ALL_OK
    assert infer(checkpoint, tmp_path / "crops", tmp_path / "stored.csv") == ALL_OK
    raw, stored = (dict(read_rows(tmp_path / name)[1:]) for name in ("raw.csv", "stored.csv"))
    assert {name: float(score) for name, score in raw.items()} == pytest.approx(
        {name: float(score) for name, score in stored.items()}, abs=1e-6
    )
