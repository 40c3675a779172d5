"""``zoo localize`` end to end on small videos: segments, statuses, resuming, refusals, pictures."""

import json
import shutil

import cv2
import numpy as np
import pytest
from localize_helpers import (
    FPS,
    RATE,
    BrightFace,
    localize,
    make_extractor,
    noise,
    pictures,
    write_checkpoint,
    write_sound,
)

from zoo.errors import CheckpointError, ConfigError, DataError, WorkDirError
from zoo.inference.localizing import stretches
from zoo.inference.timeline_picture import binned_peaks
from zoo.media.encode import write_video


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "best.pth")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    (folder / "sub").mkdir()
    write_video(folder / "talk.mp4", pictures(8), fps=FPS, audio=noise(8), rate=RATE)
    gone = pictures(8, face=lambda t: not 3 <= t < 6)
    write_video(folder / "sub" / "gap.mp4", gone, fps=FPS, audio=noise(8), rate=RATE)
    write_video(folder / "mute.mp4", pictures(2), fps=FPS)
    write_video(folder / "empty_room.mp4", pictures(2, face=lambda t: False), fps=FPS, audio=noise(2), rate=RATE)
    (folder / "text.mp4").write_text("no video at all")
    cv2.imwrite(str(folder / "still.png"), pictures(1)[0])
    write_sound(folder / "sound.mp4")
    return folder


@pytest.fixture(autouse=True)
def bright_face(monkeypatch):
    """The face detector that the checkpoint names is the stub."""
    import zoo.inference.trained_extractor as module

    real = module.build

    def build(kind, config):
        return BrightFace() if kind == "face_detector" and config["type"] == "BrightFace" else real(kind, config)

    monkeypatch.setattr(module, "build", build)


def result(path):
    return json.loads(path.read_text())


def by_name(path):
    return {one["file"]: one for one in result(path)["files"]}


def test_every_file_of_a_folder_gets_a_status(checkpoint, videos, tmp_path, capsys):
    out = tmp_path / "segments.json"
    assert localize(checkpoint, videos, out, "--threshold", 0.0, "--plot") == 3
    files = by_name(out)
    assert {name: one["status"] for name, one in files.items()} == {
        "talk.mp4": "ok",
        "sub/gap.mp4": "ok",
        "mute.mp4": "no_audio",
        "empty_room.mp4": "no_face",
        "text.mp4": "not_media",
        "still.png": "no_video",
        "sound.mp4": "no_video",
    }
    assert result(out)["statuses"] == {"no_audio": 1, "no_face": 1, "no_video": 2, "not_media": 1, "ok": 2}
    assert all(one["reason"] for one in files.values() if one["status"] != "ok")
    assert all(not one["segments"] and one["score"] is None for one in files.values() if one["status"] != "ok")
    talk, gap = files["talk.mp4"], files["sub/gap.mp4"]
    assert talk["duration_s"] == pytest.approx(8.0, abs=0.01) and talk["frames"] == 96 and talk["unjudged"] == []
    ((start, end),) = gap["unjudged"]
    assert 2.5 < start < 4.5 and 5.0 < end < 6.5
    assert talk["segments"] and 0 < talk["score"] < 1
    for one in talk["segments"]:
        assert 0 <= one["start_s"] < one["end_s"] <= 8.1 and 0.05 <= one["score"] <= 1
    for name in ("talk.mp4", "sub/gap.mp4", "mute.mp4", "empty_room.mp4"):
        picture = cv2.imread(str(tmp_path / "segments" / f"{name}.png"))
        assert picture.shape[1] == 1210 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
    shown = capsys.readouterr().out
    for words in ("localized 2/7 files", "no_audio", "s could not be judged", "text.mp4: not_media", "windows of 32"):
        assert words in shown


def test_segments_are_those_of_the_detector_on_extracted_features(checkpoint, videos, tmp_path):
    import torch

    import zoo
    from zoo.detectors.long_clips import localize as localize_clip

    features = make_extractor(rate_hz=float(FPS)).extract(videos / "talk.mp4")
    names = ("visual", "visual_mask", "audio", "audio_mask")
    found = localize_clip(
        zoo.load_model(checkpoint),
        lambda a, b: {name: torch.from_numpy(getattr(features, name)[a:b])[None] for name in names},
        features.times,
        size=32,
        overlap=8,
    )
    assert localize(checkpoint, videos / "talk.mp4", tmp_path / "s.json", "--threshold", 0.0) == 0
    (one,) = result(tmp_path / "s.json")["files"]
    wanted = sorted((s.start_s, s.end_s, s.score) for s in found.segments if s.score >= 0.05)
    got = [(s["start_s"], s["end_s"], s["score"]) for s in one["segments"]]
    np.testing.assert_allclose(got, wanted, atol=1e-3)
    assert not (tmp_path / "s.png").exists()


def test_a_second_run_does_what_is_left(checkpoint, videos, tmp_path, monkeypatch):
    from zoo.inference.localizing import LocalizeJob

    copies = tmp_path / "videos"
    copies.mkdir()
    shutil.copy(videos / "talk.mp4", copies / "a.mp4")
    (copies / "b.mp4").write_text("not yet a video")
    tried = []
    real = LocalizeJob.__call__
    monkeypatch.setattr(LocalizeJob, "__call__", lambda self, record: tried.append(record.path) or real(self, record))
    out = tmp_path / "s.json"
    assert localize(checkpoint, copies, out) == 3
    before = by_name(out)["a.mp4"]
    shutil.copy(videos / "mute.mp4", copies / "b.mp4")
    assert localize(checkpoint, copies, out, "--threshold", 1.0, "--plot") == 3
    assert [path[-5:] for path in tried] == ["a.mp4", "b.mp4", "b.mp4"]
    after = by_name(out)
    assert after["b.mp4"]["status"] == "no_audio"
    assert after["a.mp4"] == before | {"segments": []}
    assert (tmp_path / "s" / "a.mp4.png").is_file()
    with pytest.raises(DataError, match="found in another way: overlap 8, now 4"):
        localize(checkpoint, copies, out, "--overlap", 4)


def test_truth_is_shown_and_checked(checkpoint, videos, tmp_path):
    truth = tmp_path / "truth.json"
    clip = videos / "talk.mp4"
    out = tmp_path / "s.json"

    def run(value):
        truth.write_text(json.dumps(value))
        return localize(checkpoint, clip, out, "--truth", truth, "--plot")

    assert run({"talk.mp4": [[1.0, 2.0], [1.5, 2.5], [7.9, 8.2]]}) == 0
    assert [(one["start_s"], one["end_s"]) for one in result(out)["files"][0]["truth"]] == [(1.0, 2.5), (7.9, 8.0)]
    assert run({"talk.mp4": []}) == 0
    assert result(out)["files"][0]["truth"] == []
    assert run({}) == 0
    assert result(out)["files"][0]["truth"] is None
    for value, words in [
        ({"talk.mp4": [[2.0, 1.0]]}, "no list of start and end"),
        ({"talk.mp4": [["a", 1.0]]}, "no list of start and end"),
        ({"talk.mp4": [[1.0, 50.0]]}, "ends at 50.0 s, and the video at"),
        ({"walk.mp4": []}, "names 'walk.mp4', which is not among the files"),
        ([], "no JSON object"),
    ]:
        with pytest.raises(DataError, match=words):
            run(value)
    truth.write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        localize(checkpoint, clip, out, "--truth", truth)


def test_a_checkpoint_that_does_not_localize(videos, tmp_path):
    plain = write_checkpoint(tmp_path / "plain.pth", head="ClassificationHead")
    with pytest.raises(CheckpointError, match="does not tell where in time") as caught:
        localize(plain, videos, tmp_path / "s.json")
    assert "plain.pth" in caught.value.where
    with pytest.raises(CheckpointError, match="No such checkpoint"):
        localize(tmp_path / "none.pth", videos, tmp_path / "s.json")
    assert not list(tmp_path.glob("s.json*"))


def test_features_are_those_of_the_training(videos, tmp_path, capsys):
    told = make_extractor(rate_hz=float(FPS)).fingerprint()
    clip, out = videos / "talk.mp4", tmp_path / "s.json"

    def checkpoint_of(fingerprint):
        return write_checkpoint(tmp_path / "c.pth", provenance={"fingerprint": fingerprint})

    other = checkpoint_of(told | {"visual": "MouthPixels " + "0" * 64})
    with pytest.raises(DataError, match=r"visual is MouthPixels .*, in training MouthPixels 000000000000"):
        localize(other, clip, out)
    assert localize(other, clip, out, "--allow-mismatch") == 0
    assert "warning: other features than in training: visual" in capsys.readouterr().out
    with pytest.raises(DataError, match="made with TheirEmbedder, which cannot be built") as caught:
        localize(checkpoint_of(told | {"audio": "TheirEmbedder abc"}), clip, out)
    assert "--audio NAME" in caught.value.next_step
    with pytest.raises(DataError, match="does not tell which visual") as caught:
        localize(checkpoint_of(None), clip, out)
    assert "--visual NAME" in caught.value.next_step
    with pytest.raises(ConfigError, match="LogMel embeds audio, not visual"):
        localize(checkpoint_of(told), clip, out, "--visual", "LogMel")


def test_wrong_arguments(checkpoint, videos, tmp_path):
    for more, error, words in [
        (("--threshold", 2), ConfigError, "--threshold 2 is not in"),
        (("--window", 0), ConfigError, "do not go together"),
        (("--overlap", 32), ConfigError, "do not go together"),
        (("--max-hours", 0), ConfigError, "--max-hours 0 is not in"),
        (("--visual-options", "width=2"), ConfigError, "--visual-options need --visual too"),
    ]:
        with pytest.raises(error, match=words):
            localize(checkpoint, videos, tmp_path / "s.json", *more)
    with pytest.raises(DataError, match=r"are a \.json file"):
        localize(checkpoint, videos, tmp_path / "s.csv")
    with pytest.raises(DataError, match="does not exist"):
        localize(checkpoint, videos / "none", tmp_path / "s.json")
    (tmp_path / "file").touch()
    with pytest.raises(WorkDirError):
        localize(checkpoint, videos / "talk.mp4", tmp_path / "file" / "s.json")


def test_videos_longer_than_allowed_are_refused(checkpoint, videos, tmp_path):
    assert localize(checkpoint, videos / "talk.mp4", tmp_path / "s.json", "--max-hours", 0.001) == 1
    (one,) = result(tmp_path / "s.json")["files"]
    assert one["status"] == "too_long" and one["reason"]


def test_stretches_of_time():
    times = np.arange(10) / 10
    where = np.array([1, 1, 0, 0, 1, 0, 0, 1, 1, 1], bool)
    np.testing.assert_allclose(stretches(times, where), [(0.0, 0.2), (0.4, 0.5), (0.7, 1.0)])
    assert stretches(times, np.zeros(10, bool)) == []


def test_curves_keep_their_peaks():
    values = np.zeros(100_000)
    values[77_777] = 1.0
    values[:1000] = np.nan
    times, peaks = binned_peaks(np.arange(100_000) / 25, values, most=500)
    assert len(times) == 500 and np.nanmax(peaks) == 1.0 and np.isnan(peaks[:4]).all()
