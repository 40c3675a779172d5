"""Damaged copies of videos through the whole cropper: no crash, no hang, no loss that the decode ledger hides."""

from collections import Counter

import numpy as np
import pytest
from media_helpers import chirp
from mutations import mutate
from preprocess_helpers import cut, make_cropper, record
from stub_faces import BLUE, RED, film, scene

from zoo.datasets.manifest import provenance_hash
from zoo.datasets.preprocessing.run import JOURNAL
from zoo.jobs.executors import ProcessExecutor
from zoo.jobs.journal import Journal
from zoo.media.choice import AllFrames, Evenly

FRAMES = 40
REFUSED = {"not_media", "decode_error", "no_video", "no_face", "too_large", "too_long", "too_many_frames", "bad_fps"}
REFUSED |= {"unsupported_codec", "empty_file"}


def make_sources(folder):
    """Two clips of a talking square with sound and grain, as a replica's are small MP4 files with keyframes."""
    folder.mkdir()
    grain = np.random.default_rng(0)
    for name, colour, gop in (("a", RED, 12), ("b", BLUE, 250)):
        frames = (
            scene((10 + k % 40, 24, 40, colour)) // 2 + grain.integers(0, 60, (96, 128, 3), np.uint8)
            for k in range(FRAMES)
        )
        film(folder / f"{name}.mp4", frames, crf=23, gop=gop, audio=chirp(FRAMES / 10))
    return sorted(folder.iterdir())


def survey(folder, seeds, *, choice, expected):
    """What became of a damaged copy for every seed; the keys of losses that no ledger shows."""
    sources = [path.read_bytes() for path in make_sources(folder / "sources")]
    (folder / "damaged").mkdir()
    records = []
    for seed in seeds:
        path = folder / "damaged" / f"{seed}.mp4"
        path.write_bytes(mutate(sources[seed % 2], seed))
        records.append(record(path))
    cropper = make_cropper(choice=choice)
    report = cut(
        records,
        folder / "out",
        cropper=cropper,
        executor=ProcessExecutor(workers=1, timeout_s=30, memory_bytes=1 << 30),
    )
    assert report.videos == len(records)
    counts = Counter(failure.status for failure in report.failures)
    assert set(counts) <= REFUSED, [failure for failure in report.failures if failure.status not in REFUSED][:3]
    hidden = []
    provenance = {**cropper.provenance(), "encoding": {"format": "jpg", "quality": 95}, "reuse_boxes": False}
    with Journal(folder / "out" / JOURNAL, fingerprint=provenance_hash(provenance)) as values:
        assert len(values) + len(report.failures) - counts["no_face"] == len(records)
        for key in values:
            value = values.value(key)
            lost = value["frames"] < expected
            counts["lost" if lost else "kept"] += 1
            if lost and value["ledger"]["complete"]:
                hidden.append((key, value["ledger"]["summary"]))
            assert value["frames_with_face"] + len(value["missed_s"]) == value["frames"]
    return counts, hidden


@pytest.mark.parametrize(("choice", "expected"), [(AllFrames(), FRAMES), (Evenly(8), 8)])
def test_damaged_copies_through_the_cropper(tmp_path, choice, expected):
    counts, hidden = survey(tmp_path, range(40), choice=choice, expected=expected)
    assert hidden == []
    assert counts["kept"] >= 5 and sum(counts.values()) - counts["kept"] >= 5, counts


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_damaged_copies_through_the_cropper(tmp_path):
    counts, hidden = survey(tmp_path, range(2000, 3000), choice=AllFrames(), expected=FRAMES)
    assert hidden == []
    assert counts["kept"] >= 50 and counts["lost"] >= 25, counts
