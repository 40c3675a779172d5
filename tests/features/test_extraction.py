import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from zoo.errors import DataError, MediaError
from zoo.faces.detections import Detections
from zoo.features.extraction import REPORT, extract_all, frame_labels
from zoo.features.extractor import Extractor
from zoo.features.log_mel import LogMel
from zoo.features.mouth import MouthPixels
from zoo.features.store import FeatureStore
from zoo.media.encode import write_video
from zoo.structures import Segment, VideoRecord

RATE = 16_000


class BrightSpot:
    """A face detector for tests: the face is where it is bright. At module level, so that workers find it."""

    def detect(self, frames):
        return [self._one(frame) for frame in frames]

    def fingerprint(self):
        return "bright"

    def _one(self, frame):
        rows, columns = np.nonzero(frame[..., 1] > 128)
        if len(rows) < 50:
            return Detections.none()
        box = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
        shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
        points = box[:2] + (box[2:] - box[:2]) * shares
        return Detections(box[None], np.ones(1, np.float32), points[None])


def pictures(seconds=1.0, *, fps=25, face=lambda t: True, size=96):
    """A bright square with a dark mouth that opens four times a second."""
    frames = np.full((round(seconds * fps), size, size, 3), 20, np.uint8)
    for index, frame in enumerate(frames):
        if face(index / fps):
            cv2.rectangle(frame, (24, 20), (72, 76), (200, 200, 200), -1)
            opening = 2 + round(4 * (1 + np.sin(2 * np.pi * 4 * index / fps)))
            cv2.rectangle(frame, (40, 62), (56, 62 + opening), (60, 60, 60), -1)
    return frames


def sound(seconds=1.0):
    time_s = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).normal(0, 0.1, len(time_s))
    return (noise * (1 + np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)


def record(path, **facts):
    known = {"video_id": f"tiny/{path.name}", "path": str(path), "corpus": "tiny", "split": None, "label": 0}
    return VideoRecord(**{**known, "method": "real", **facts})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight files: good ones, and one of every fault."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("a", "b", "c"):
        write_video(folder / f"{name}.mp4", pictures(), fps=25, audio=sound(), rate=RATE)
    write_video(folder / "silent.mp4", pictures(), fps=25)
    write_video(folder / "faceless.mp4", pictures(face=lambda t: False), fps=25, audio=sound(), rate=RATE)
    (folder / "empty.mp4").touch()
    (folder / "truncated.mp4").write_bytes((folder / "a.mp4").read_bytes()[:1500])
    (folder / "text.mp4").write_text("no video at all")
    return folder


def records_of(folder, *names):
    return [record(folder / f"{name}.mp4") for name in names]


def extractor(**options):
    return Extractor(**{"visual": MouthPixels(), "audio": LogMel(), "face_detector": BrightSpot(), **options})


def test_features_are_aligned_by_time(corpus):
    features = extractor().extract(corpus / "a.mp4")
    assert features.visual.shape == features.audio.shape == (25, 512)
    np.testing.assert_allclose(features.times, np.arange(25) / 25, atol=1e-6)
    assert features.visual_mask.all()
    assert features.audio_mask.all()
    assert (features.status, features.audio_status) == ("ok", "ok")
    opening = np.sin(2 * np.pi * 4 * features.times)
    loudness = features.audio.mean(axis=1)
    assert np.corrcoef(loudness, opening)[0, 1] > 0.8
    first = np.linalg.svd(features.visual - features.visual.mean(axis=0))[0][:, 0]
    assert abs(np.corrcoef(first, opening)[0, 1]) > 0.8


def test_sound_that_ends_early_is_masked_where_it_is_missing(tmp_path):
    write_video(tmp_path / "short.mp4", pictures(2.0), fps=25, audio=sound(1.0), rate=RATE)
    features = extractor().extract(tmp_path / "short.mp4")
    assert features.audio_mask[:25].all()
    assert not features.audio_mask[30:].any()
    assert not features.audio[~features.audio_mask].any()


def test_no_sound_is_a_status_not_an_error(corpus):
    features = extractor().extract(corpus / "silent.mp4")
    assert (features.status, features.audio_status) == ("ok", "no_audio")
    assert not features.audio_mask.any()
    assert not features.audio.any()


def test_no_face_is_a_status_and_the_sound_is_kept(corpus):
    features = extractor().extract(corpus / "faceless.mp4")
    assert features.status == "no_face"
    assert not features.visual_mask.any()
    assert not features.visual.any()
    assert features.audio.any()


def test_frames_without_a_face_are_masked(tmp_path):
    write_video(tmp_path / "gap.mp4", pictures(4.0, face=lambda t: not 1 <= t < 3), fps=25)
    mask = extractor(every_s=0.2).extract(tmp_path / "gap.mp4").visual_mask
    assert mask[:20].all()
    assert not mask[35:65].any()
    assert mask[80:].all()


@pytest.mark.parametrize("name", ["empty", "truncated", "text", "absent"])
def test_broken_files_raise_one_clear_error(corpus, name):
    with pytest.raises(MediaError) as caught:
        extractor().extract(corpus / f"{name}.mp4")
    assert caught.value.status != "ok"
    assert f"{name}.mp4" in str(caught.value)


def test_a_video_that_is_decoded_twice_gives_the_same(corpus):
    kept, streamed = extractor().extract(corpus / "a.mp4"), extractor(kept_bytes=0).extract(corpus / "a.mp4")
    np.testing.assert_array_equal(kept.visual, streamed.visual)
    assert kept.ledger == streamed.ledger


@pytest.mark.parametrize(("rate", "count"), [(5, 5), (12.5, 13), (25, 25), (100, 25)])
def test_rate_keeps_the_frames_own_times(corpus, rate, count):
    times = extractor(rate_hz=rate).extract(corpus / "a.mp4").times
    assert len(times) == count
    assert set(np.round(times * 25, 6)) <= set(range(25))


def test_every_file_is_accounted_for(corpus, tmp_path):
    names = ("a", "b", "silent", "faceless", "empty", "truncated", "text")
    report = extract_all(records_of(corpus, *names), tmp_path / "out", extractor(), workers=0)
    assert (report.videos, report.ok, report.extracted_now) == (7, 3, 7)
    statuses = {failure.key.removeprefix("tiny/"): failure.status for failure in report.failures}
    assert statuses == {
        "faceless.mp4": "no_face",
        "empty.mp4": "empty_file",
        "truncated.mp4": "not_media",
        "text.mp4": "not_media",
    }
    assert report.silent == {"tiny/silent.mp4": "no_audio"}
    assert report.share_with_face == 0.75
    written = json.loads((tmp_path / "out" / REPORT).read_text())
    assert len(written["failures"]) == 4
    assert written["fingerprint"]["visual"].startswith("MouthPixels ")
    store = FeatureStore(tmp_path / "out")
    assert len(store) == 7
    assert dict(zip(store.index["video_id"].to_pylist(), store.lengths.tolist(), strict=True))["tiny/empty.mp4"] == 0


def test_a_second_run_does_only_what_is_missing_and_the_result_is_the_same(corpus, tmp_path):
    names = ("a", "b", "c", "silent", "empty")
    whole = extract_all(records_of(corpus, *names), tmp_path / "whole", extractor(), workers=0)
    extract_all(records_of(corpus, "c", "empty"), tmp_path / "pieces", extractor(), workers=0)
    rest = extract_all(records_of(corpus, *names), tmp_path / "pieces", extractor(), workers=0)
    again = extract_all(records_of(corpus, *names), tmp_path / "pieces", extractor(), workers=0)
    assert [report.extracted_now for report in (whole, rest, again)] == [5, 3, 0]
    assert whole.failures == rest.failures == again.failures
    assert FeatureStore(tmp_path / "whole").hash == FeatureStore(tmp_path / "pieces").hash


def test_failed_videos_are_tried_again_on_request(corpus, tmp_path):
    path = tmp_path / "late.mp4"
    path.touch()
    records = [record(path), *records_of(corpus, "a")]
    assert extract_all(records, tmp_path / "out", extractor(), workers=0).ok == 1
    path.write_bytes((corpus / "b.mp4").read_bytes())
    assert extract_all(records, tmp_path / "out", extractor(), workers=0).ok == 1
    report = extract_all(records, tmp_path / "out", extractor(), workers=0, retry_failed=True)
    assert (report.ok, report.extracted_now) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [{"visual": MouthPixels(width=2.0)}, {"audio": LogMel(range_db=60.0)}, {"rate_hz": 5.0}, {"every_s": 0.2}],
)
def test_another_extractor_is_refused(corpus, tmp_path, other):
    extract_all(records_of(corpus, "a"), tmp_path / "out", extractor(), workers=0)
    before = FeatureStore(tmp_path / "out").hash
    with pytest.raises(DataError, match="another extractor"):
        extract_all(records_of(corpus, "a", "b"), tmp_path / "out", extractor(**other), workers=0)
    assert FeatureStore(tmp_path / "out").hash == before


def test_a_video_whose_facts_changed_is_refused(corpus, tmp_path):
    extract_all([record(corpus / "a.mp4", split="train")], tmp_path / "out", extractor(), workers=0)
    with pytest.raises(DataError, match="split 'train'"):
        extract_all([record(corpus / "a.mp4", split="test")], tmp_path / "out", extractor(), workers=0)


def test_two_videos_of_one_id_are_refused(corpus, tmp_path):
    with pytest.raises(DataError, match=r"tiny/a\.mp4"):
        extract_all(records_of(corpus, "a", "a"), tmp_path / "out", extractor(), workers=0)


def test_frame_labels_follow_the_segments(corpus):
    times = np.arange(10) / 10
    fake = record(corpus / "a.mp4", label=1, fake_segments=(Segment(0.25, 0.55),))
    assert frame_labels(fake, times).tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert not frame_labels(record(corpus / "a.mp4"), times).any()
    assert frame_labels(record(corpus / "a.mp4", label=1), times) is None
    assert frame_labels(record(corpus / "a.mp4", label=-1), times) is None


def test_a_worker_process_gives_what_this_process_gives(corpus, tmp_path):
    names = ("a", "silent", "faceless", "empty")
    here = extract_all(records_of(corpus, *names), tmp_path / "here", extractor(), workers=0)
    there = extract_all(records_of(corpus, *names), tmp_path / "there", extractor(), workers=1)
    assert [failure.status for failure in there.failures] == [failure.status for failure in here.failures]
    assert FeatureStore(tmp_path / "there").hash == FeatureStore(tmp_path / "here").hash


@pytest.mark.slow
def test_a_killed_run_is_completed_by_repeating_it(corpus, tmp_path):
    names = ("a", "b", "c", "silent", "faceless", "empty")
    extract_all(records_of(corpus, *names), tmp_path / "calm", extractor(), workers=0)
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import pathlib, test_extraction as t\n"
        f"records = t.records_of(pathlib.Path({str(corpus)!r}), *{names!r})\n"
        f"t.extract_all(records, {str(tmp_path / 'killed')!r}, t.extractor(), workers=2)\n"
    )
    for _ in range(3):
        run = subprocess.Popen([sys.executable, "-c", script])
        parts = len(list((tmp_path / "killed").glob("parts/*/*.part")))
        deadline = time.monotonic() + 120
        while len(list((tmp_path / "killed").glob("parts/*/*.part"))) <= parts and run.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
    assert FeatureStore(tmp_path / "killed").hash == FeatureStore(tmp_path / "calm").hash
