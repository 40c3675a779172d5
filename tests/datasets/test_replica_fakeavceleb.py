"""The replica: balanced, free of shortcuts by construction, and the same bytes every time."""

import csv
import json
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from zoo.cli import run
from zoo.cli.make_replica import main
from zoo.datasets.corpora.fakeavceleb import FakeAVCeleb
from zoo.datasets.replica.fakeavceleb import FakeAVCelebReplica
from zoo.errors import ConfigError, DataError
from zoo.files import sha256_of

CLIPS, DURATION_S = 12, 1.0


@pytest.fixture(scope="module")
def replica(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("replica") / "fakeavceleb"
    small = FakeAVCelebReplica(difficulty="hard", clips=CLIPS, identities=2, duration_s=DURATION_S, workers=0)
    assert small.write(root).written == CLIPS
    return root


def digests(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): sha256_of(path) for path in root.rglob("*") if path.is_file()}


def open_streams(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures [t, h, w] and samples [n]."""
    with av.open(str(path)) as file:
        pictures = np.stack([frame.to_ndarray(format="gray") for frame in file.decode(video=0)])
    with av.open(str(path)) as file:
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
    return pictures, samples


def test_every_identity_has_as_many_real_as_fake_clips(replica):
    records = FakeAVCeleb(ratios={"train": 0.5, "test": 0.5}).read(replica)
    assert len(records) == CLIPS
    per_identity = Counter((tuple(record.identities), record.label) for record in records)
    assert set(per_identity.values()) == {CLIPS // 4}
    assert {(record.video_fake, record.audio_fake) for record in records if record.label} == {
        (False, True),
        (True, False),
        (True, True),
    }


def test_identities_do_not_cross_splits(replica):
    records = FakeAVCeleb(ratios={"train": 0.5, "test": 0.5}).read(replica)
    people = {split: set() for split in ("train", "test")}
    for record in records:
        people[record.split] |= record.identities
    assert people["train"] and people["test"] and not people["train"] & people["test"]


def test_all_clips_have_the_same_shape_length_and_codecs(replica):
    kinds = set()
    for path in replica.rglob("*.mp4"):
        pictures, samples = open_streams(path)
        with av.open(str(path)) as file:
            codecs = tuple(stream.codec_context.name for stream in file.streams)
            kinds.add((pictures.shape, len(samples), codecs, float(file.streams.video[0].average_rate)))
    assert len(kinds) == 1
    ((shape, samples, codecs, fps),) = kinds
    assert shape == (25, 224, 224) and fps == 25
    assert codecs == ("h264", "aac")
    assert samples >= 16_000 * DURATION_S


def test_loudness_does_not_depend_on_the_class(replica):
    levels = [20 * np.log10(open_streams(path)[1].std()) for path in replica.rglob("*.mp4")]
    assert len(levels) == CLIPS
    assert np.ptp(levels) < 1.0


def test_a_fake_keeps_the_stream_that_its_category_says(replica):
    table = {row["path"]: row for row in truth(replica)}
    for row in table.values():
        if row["category"] not in "BC":
            continue
        genuine = next(other for other in table.values() if other["category"] == "A" and same_pair(other, row))
        kept = "mouth" if row["category"] == "B" else "sound"
        assert row[kept] == genuine[kept]
        pictures, samples = open_streams(replica / row["path"])
        original_pictures, original_samples = open_streams(replica / genuine["path"])
        assert np.array_equal(pictures, original_pictures) == (row["category"] == "B")
        assert np.array_equal(samples, original_samples) == (row["category"] == "C")


def test_the_truth_of_a_hard_fake_is_a_short_offset_in_one_half(replica):
    fakes = [row for row in truth(replica) if row["category"] != "A"]
    assert len(fakes) == CLIPS // 2
    for row in fakes:
        assert 0.12 <= abs(row["offset_s"]) <= 0.3
        begin, end = row["touched_s"]
        assert 0.45 <= (end - begin) / DURATION_S <= 0.55
        assert begin == 0 or end == DURATION_S


def test_the_table_has_the_oddities_of_the_original(replica):
    with open(replica / "meta_data.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert ",".join(header) == "source,target1,target2,method,category,type,race,gender,path,"
    assert len(rows) > CLIPS and len({tuple(row) for row in rows}) == CLIPS
    for row in rows:
        assert "/" not in row[8] and row[9].startswith("FakeAVCeleb/")
        assert (replica / row[9].removeprefix("FakeAVCeleb/") / row[8]).is_file()


def test_equal_seeds_give_equal_bytes_whatever_the_workers(replica, tmp_path):
    again = FakeAVCelebReplica(difficulty="hard", clips=CLIPS, identities=2, duration_s=DURATION_S, workers=2)
    again.write(tmp_path / "again")
    assert digests(replica) == digests(tmp_path / "again")


def test_another_seed_gives_other_clips(tmp_path):
    one, two = (FakeAVCelebReplica(clips=2, duration_s=DURATION_S, seed=seed, workers=0) for seed in (1, 2))
    one.write(tmp_path / "one")
    two.write(tmp_path / "two")
    first, second = digests(tmp_path / "one"), digests(tmp_path / "two")
    videos = [name for name in first if name.endswith(".mp4")]
    assert len(videos) == 2 and all(first[name] != second[name] for name in videos)


def test_an_interrupted_replica_is_completed(replica, tmp_path):
    settings = {"difficulty": "easy", "clips": 4, "identities": 1, "duration_s": DURATION_S, "workers": 0}
    root = tmp_path / "replica"
    FakeAVCelebReplica(**settings).write(root)
    whole = digests(root)
    (root / "truth.json").unlink()
    next(root.rglob("*.mp4")).unlink()
    assert FakeAVCelebReplica(**settings).write(root).written == 1
    assert digests(root) == whole
    assert FakeAVCelebReplica(**settings).write(root).written == 0


def test_a_replica_with_other_settings_is_not_overwritten(replica):
    other = FakeAVCelebReplica(difficulty="easy", clips=CLIPS, identities=2, duration_s=DURATION_S)
    with pytest.raises(DataError, match="difficulty 'hard' instead of 'easy'"):
        other.write(replica)


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="no replica"):
        FakeAVCelebReplica(clips=2).write(tmp_path)


def test_an_unknown_difficulty_gets_a_suggestion():
    with pytest.raises(ConfigError, match="Did you mean 'hard'"):
        FakeAVCelebReplica(difficulty="hrad")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--clips", "7"],
        ["--clips", "10", "--identities", "6"],
        ["--clips", "4", "--identities", "0"],
        ["--duration", "0.2"],
        ["--difficulty", "brutal"],
    ],
)
def test_the_command_refuses_impossible_numbers(arguments, tmp_path, capsys):
    output = tmp_path / "out"
    assert run(lambda: main(["--output", str(output), *arguments])) == 2
    assert "next:" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("option", ["--photos", "--speech"])
def test_the_command_names_a_folder_that_is_not_there(option, tmp_path, capsys):
    missing = tmp_path / "missing"
    assert run(lambda: main(["--output", str(tmp_path / "out"), "--clips", "2", option, str(missing)])) == 2
    assert str(missing) in capsys.readouterr().err


def test_the_command_says_what_it_made(tmp_path, capsys):
    arguments = ["--output", str(tmp_path / "out"), "--clips", "2", "--duration", "1", "--workers", "0"]
    assert run(lambda: main(arguments)) == 0
    printed = capsys.readouterr().out
    assert "2 clips (1 real, 1 fake) of 1 identities" in printed and "no basis for any claim" in printed


def truth(root: Path) -> list[dict]:
    return json.loads((root / "truth.json").read_text())["clips"]


def same_pair(one: dict, other: dict) -> bool:
    return (one["identity"], one["pair"]) == (other["identity"], other["pair"])
