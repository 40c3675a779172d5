"""``zoo doctor data`` on small corpora with real videos, broken ones among them."""

import json
import shutil

import cv2
import numpy as np
import pytest

from zoo.cli import doctor, doctor_data, run
from zoo.media.encode import write_video


def clip(path, *, seconds=1.0, size=(48, 64), fps=10, sound=False):
    frames = np.random.default_rng(0).integers(0, 255, (round(seconds * fps), *size, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.zeros(round(seconds * 16_000), np.float32) if sound else None
    write_video(path, frames, fps=fps, audio=audio)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four videos of FaceForensics++ with its splits: one pair, for training."""
    root = tmp_path_factory.mktemp("whole")
    for number in ("000", "003"):
        clip(root / f"original_sequences/youtube/c23/videos/{number}.mp4", sound=True)
    for pair in ("000_003", "003_000"):
        path = root / f"manipulated_sequences/Face2Face/c23/videos/{pair}.mp4"
        clip(path, seconds=2.0, size=(96, 128), fps=20)
    (root / "splits").mkdir()
    for split, pairs in (("train", [["000", "003"]]), ("val", []), ("test", [])):
        (root / "splits" / f"{split}.json").write_text(json.dumps(pairs))
    return root


@pytest.fixture
def damaged(whole, tmp_path):
    root = tmp_path / "damaged [copy]"
    shutil.copytree(whole, root)
    videos = root / "manipulated_sequences/Face2Face/c23/videos"
    (videos / "000_003.mp4").write_bytes(b"this is no video")
    (videos / "003_000.mp4").unlink()
    return root


def check(capsys, *arguments):
    """Exit code and the object that ``--json`` prints."""
    capsys.readouterr()
    code = doctor.main(["data", *map(str, arguments), "--json", "--num-workers", "0"])
    return code, json.loads(capsys.readouterr().out)


def test_a_sound_corpus(whole, capsys):
    code, found = check(capsys, whole)
    assert code == found["exit_code"] == doctor_data.SOUND
    assert (found["corpus"], found["videos"], found["opened"], found["faults"]) == ("FaceForensics", 4, 4, [])
    assert found["counts"] == [
        {"split": "train", "class": "real", "method": "real", "videos": 2},
        {"split": "train", "class": "fake", "method": "Face2Face", "videos": 2},
    ]
    assert found["sizes"] == {"64x48": 2, "128x96": 2} and found["kinds"] == {"video": 4}
    assert found["fps"] == {"least": 10.0, "median": 15.0, "most": 20.0}
    assert found["duration_s"]["least"] == pytest.approx(1.0, abs=0.1) and found["duration_s"]["most"] == 2.0
    assert found["with_audio"] == 2 and found["unlabelled"] == 0 and found["free_bytes"] > 0
    assert found["corpus_bytes"] == sum(path.stat().st_size for path in whole.rglob("*.mp4"))
    assert found["measured"] == 4 and found["decode_s"] > 0
    assert found["estimate_s"] == pytest.approx(4 * found["decode_s"])


def test_missing_and_broken_files_are_named(damaged, capsys):
    code, found = check(capsys, damaged)
    assert code == found["exit_code"] == doctor_data.SOME_BAD
    folder = "manipulated_sequences/Face2Face/c23/videos"
    assert found["skipped"] == {f"{folder}/003_000.mp4": "missing"}
    (fault,) = found["faults"]
    assert (fault["video_id"], fault["status"]) == ("ff++/Face2Face/000_003", "not_media")
    assert fault["path"] == str(damaged / folder / "000_003.mp4")


def test_the_table_for_people(damaged, capsys):
    assert doctor_data.main([str(damaged), "--num-workers", "2"]) == doctor_data.SOME_BAD
    printed = capsys.readouterr().out
    assert f"{damaged}: FaceForensics, 3 videos" in printed
    assert "Face2Face" in printed and "opened 3 files (all): 1 broken" in printed
    assert "cannot be used: manipulated_sequences/Face2Face/c23/videos/003_000.mp4: missing" in printed
    assert "broken: ff++/Face2Face/000_003: not_media" in printed
    assert "resolution  64x48 (2)" in printed and "sound       in 2 of 2" in printed
    assert "estimate    " in printed and "face detection comes on top" in printed


def test_a_sample_is_a_sample_and_says_so(whole, capsys):
    code, found = check(capsys, whole, "--sample", "1", "--seed", "1")
    assert (code, found["opened"], found["videos"], sum(found["kinds"].values())) == (0, 1, 4, 1)
    doctor_data.main([str(whole), "--sample", "2", "--num-workers", "0"])
    assert "opened 2 files (a random sample, 50.0%)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        doctor_data.main([str(whole), "--sample", "0"])


def test_nothing_recognised_lists_what_was_looked_for(tmp_path, capsys):
    code, found = check(capsys, tmp_path)
    assert (code, found["exit_code"], found["corpus"]) == (1, doctor_data.UNUSABLE, None)
    assert "splits" not in found and "original_sequences/youtube" in found["looked_for"]["FaceForensics"][0]
    assert doctor_data.main([str(tmp_path)]) == doctor_data.UNUSABLE
    assert "unusable: No corpus is recognised here" in capsys.readouterr().out


def test_a_corpus_whose_lists_are_broken_is_recognised_and_unusable(damaged, capsys):
    (damaged / "splits" / "val.json").write_text("{")
    code, found = check(capsys, damaged)
    assert (code, found["corpus"], found["looked_for"]) == (doctor_data.UNUSABLE, "FaceForensics", {})
    assert "val.json" in found["error"]
    assert doctor_data.main([str(damaged)]) == doctor_data.UNUSABLE
    assert "unusable: FaceForensics: Cannot read the list" in capsys.readouterr().out


def test_nothing_usable_is_told_from_some_broken(tmp_path, capsys):
    (tmp_path / "a.mp4").write_bytes(b"x")
    code, found = check(capsys, tmp_path)
    assert (code, found["unlabelled"], found["estimate_s"]) == (doctor_data.UNUSABLE, 1, None)


def test_wrong_arguments_are_the_usual_error(whole, capsys):
    assert run(lambda: doctor.main(["data", str(whole), "--corpus-options", "compression=c40"])) == 2
    assert "'c40' is not there" in capsys.readouterr().err


def test_pictures_are_checked_too(tmp_path, capsys):
    for label in ("real", "fake"):
        (tmp_path / "train" / label).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "train" / label / "a.png"), np.zeros((8, 16, 3), np.uint8))
    (tmp_path / "train" / "fake" / "b.jpg").write_bytes(b"no picture")
    code, found = check(capsys, tmp_path)
    assert (code, found["corpus"], found["sizes"]) == (doctor_data.SOME_BAD, "ImageFolder", {"16x8": 2})
    assert [(fault["video_id"], fault["status"]) for fault in found["faults"]] == [
        ("images/train/fake/b.jpg", "bad_image")
    ]
