"""``zoo shortcuts`` on small folders of real videos: what gives the fakes away is named, and nothing else is."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from zoo.cli.shortcuts import STRICT, main
from zoo.datasets.manifest import SCHEMA, write_manifest
from zoo.errors import DataError
from zoo.media.encode import write_video

RATE = 16_000
PAIRS = 14


def clip(path, seed, *, silence_s=0.0, crf=23):
    """Half a second of moving noise, with a tone that sets in after up to 40 ms, or ``silence_s`` later."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
    sound = rng.uniform(0.1, 0.3) * np.sin(2 * np.pi * 330 * np.arange(RATE // 2) / RATE)
    sound[: int((rng.uniform(0, 0.04) + silence_s) * RATE)] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames, fps=12, audio=sound.astype(np.float32), rate=RATE, crf=crf, preset="ultrafast")


def corpus(root, **of_fakes):
    for number in range(PAIRS):
        clip(root / f"test/real/{number:02d}.mp4", 2 * number)
        clip(root / f"test/fake/swap/{number:02d}.mp4", 2 * number + 1, **of_fakes)
    return root


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def silent_starts(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("silent"), silence_s=0.15)


@pytest.fixture(scope="module")
def squeezed(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("squeezed"), crf=45)


def audited(tmp_path, root, *arguments, code=0):
    out = tmp_path / "out.json"
    options = ("--json", str(out), "--num-workers", "0", "--bootstrap", "100")
    assert main(["--input", str(root), *map(str, arguments), *options]) == code
    return json.loads(out.read_text())


def shortcuts(results):
    return {warning["text"].split()[0] for warning in results["warnings"] if warning["name"] == "shortcut"}


def names_of(results):
    return {warning["name"] for warning in results["warnings"]}


def scores(path, auc, folder="videos/test"):
    rng = np.random.default_rng(0)
    lines = ["video_id,label,score"]
    for number in range(PAIRS):
        for label, place in ((0, "real"), (1, "fake/swap")):
            value = 0.25 + 0.5 * label if auc == 1 else rng.random()
            lines.append(f"{folder}/{place}/{number:02d}.mp4,{label},{value}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_clean_corpus_is_not_flagged(tmp_path, clean, capsys):
    results = audited(tmp_path, clean, "--strict")
    assert (results["corpus"], results["split"], results["n_real"], results["n_fake"]) == (
        "VideoFolder",
        "test",
        14,
        14,
    )
    assert names_of(results) == {"few_clusters", "clustered_by_video"}
    assert results["unknown"] == []
    assert {"video_codec", "audio_codec", "fps", "resolution"} <= set(results["constant"])
    assert {"leading_silence", "file_size", "bit_rate"} <= {item["name"] for item in results["features"]}
    shown = capsys.readouterr().out
    assert "leading_silence" in shown and "all_together" in shown and "warning: shortcut" not in shown


def test_longer_silence_before_fakes_is_caught_by_name(tmp_path, silent_starts, capsys):
    results = audited(tmp_path, silent_starts, "--strict", code=STRICT)
    of_silence = {"leading_silence", "loudness", "bit_rate", "file_size"}  # silence is quiet and takes few bytes
    assert {"leading_silence"} <= shortcuts(results) <= of_silence
    assert "shortcuts_together" in names_of(results)
    (item,) = (item for item in results["features"] if item["name"] == "leading_silence")
    assert item["auc"] == 1 and item["direction"] == "higher in fakes" and item["p_corrected"] < 0.01
    shown = capsys.readouterr().out
    assert "warning: shortcut: leading_silence AUC 1.00" in shown
    assert "not sound: shortcut, shortcuts_together" in shown


def test_a_lower_bit_rate_of_fakes_is_caught_by_name(tmp_path, squeezed):
    results = audited(tmp_path, squeezed)
    assert {"bit_rate", "file_size"} <= shortcuts(results) and "leading_silence" not in shortcuts(results)
    (item,) = (item for item in results["features"] if item["name"] == "bit_rate")
    assert item["direction"] == "lower in fakes"


def test_a_detector_is_shown_beside_on_the_same_videos(tmp_path, squeezed, capsys):
    results = audited(tmp_path, squeezed, "--predictions", scores(tmp_path / "a.csv", 0.5))
    assert results["model"]["auc"] < 0.8 and results["difference"]["difference"] < 0
    assert "no_better_than_shortcuts" in names_of(results)
    assert "Detector minus all together" in capsys.readouterr().out
    short = scores(tmp_path / "b.csv", 1)
    short.write_text("\n".join(short.read_text().splitlines()[:21]) + "\n")
    results = audited(tmp_path, squeezed, "--predictions", short)
    assert results["model"]["auc"] == 1 and (results["n_real"], results["n_fake"]) == (10, 10)
    with pytest.raises(DataError, match="none of the 28 videos"):
        audited(tmp_path, squeezed, "--predictions", scores(tmp_path / "c.csv", 1, folder="elsewhere"))


def test_face_sizes_come_from_a_manifest(tmp_path, clean):
    rows = []
    for number in range(PAIRS):
        for label, place in ((0, "real"), (1, "fake/swap")):
            video_id, side = f"videos/test/{place}/{number:02d}.mp4", 40.0 + number + 100 * label
            row = dict.fromkeys(SCHEMA.names) | {
                "sample_id": f"{video_id}#0", "video_id": video_id, "corpus": "videos", "split": "test",
                "label": label, "method": place, "identities": [], "source_videos": [], "track": 0, "position": 0,
                "time_s": 0.0, "path": f"{label}{number}.png", "box": [5.0, 5.0, 5 + side, 5 + side], "score": 1.0,
                "detector": "stub", "phash": 0,
            }  # fmt: skip
            rows.append(row)
    write_manifest(tmp_path / "manifest.parquet", pa.Table.from_pylist(rows, SCHEMA), provenance={})
    results = audited(tmp_path, clean, "--manifest", tmp_path)
    assert shortcuts(results) == {"face_size"}


def test_people_come_from_a_list(tmp_path, clean):
    lines = ["video_id,identity"]
    lines += [f"videos/test/{place}/{n:02d}.mp4,p{n // 2}" for n in range(PAIRS) for place in ("real", "fake/swap")]
    (tmp_path / "who.csv").write_text("\n".join(lines) + "\n")
    results = audited(tmp_path, clean, "--groups", tmp_path / "who.csv")
    assert (results["cluster_kind"], results["clusters"]) == ("identity", PAIRS // 2)
    assert results["cross_fitted"] and "clustered_by_video" not in names_of(results)


def test_files_that_cannot_be_measured_are_named_and_a_second_call_goes_on(tmp_path, clean, capsys):
    root = tmp_path / "corpus"
    shutil.copytree(clean, root)
    for number in range(3):
        (root / f"test/fake/swap/{number:02d}.mp4").write_bytes(b"this is no video")
    journal = tmp_path / "measured.jsonl"
    results = audited(tmp_path, root, "--journal", journal, "--strict", code=STRICT)
    assert {"unmeasured_files", "unmeasured_unevenly"} <= names_of(results)
    assert (results["failed"][0]["video_id"], results["failed"][0]["status"]) == (
        "videos/test/fake/swap/00.mp4",
        "not_media",
    )
    before = journal.read_text()
    for number in range(3):
        shutil.copy(clean / f"test/fake/swap/{number:02d}.mp4", root / f"test/fake/swap/{number:02d}.mp4")
    again = audited(tmp_path, root, "--journal", journal)
    assert again["failed"] == [] and journal.read_text().startswith(before)
    assert len(journal.read_text().splitlines()) == 1 + 2 * PAIRS
    assert again["features"] == audited(tmp_path, clean)["features"]


def test_pictures_are_judged_by_their_quality(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        for place, quality in (("real", 90), ("fake", 70)):
            path = tmp_path / f"faces/{place}/{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8))
            picture.save(path, quality=quality + int(rng.integers(-3, 4)))
    results = audited(tmp_path, tmp_path / "faces")
    assert results["split"] == "all" and {"jpeg_quality", "bits_per_pixel"} <= shortcuts(results)


def test_what_cannot_be_audited_is_a_clear_error(tmp_path, clean):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="No corpus is recognised"):
        audited(tmp_path, tmp_path / "empty")
    shutil.copytree(clean / "test/real", tmp_path / "reals/real")
    with pytest.raises(DataError, match="All 14 videos are real"):
        audited(tmp_path, tmp_path / "reals")
    shutil.copytree(clean / "test/real", tmp_path / "plain")
    with pytest.raises(DataError, match="None of the 14 videos has a label"):
        audited(tmp_path, tmp_path / "plain")
    with pytest.raises(DataError, match="No video is in the split 'val'; there are test"):
        audited(tmp_path, clean, "--split", "val")
    for place in ("real", "fake"):
        (tmp_path / f"broken/{place}").mkdir(parents=True)
        (tmp_path / f"broken/{place}/a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"2 of 2 tasks failed \(2 x not_media\)"):
        audited(tmp_path, tmp_path / "broken")
