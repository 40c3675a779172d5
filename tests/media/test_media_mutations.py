"""Damaged files: no crash, no hang, and no lost frame or sound that the ledger does not show."""

from collections import Counter

import numpy as np
import pytest
from media_helpers import chirp, numbered
from mutations import examine

from zoo.jobs.work import Task, run_tasks
from zoo.media.audio import read_audio
from zoo.media.decode import read_frames
from zoo.media.encode import write_video


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("mutations") / "source.mp4"
    noise = np.random.default_rng(0)
    frames = (noise.integers(0, 60, (32, 96, 3), np.uint8) + numbered(number) // 2 for number in range(50))
    write_video(path, frames, gop=12, audio=chirp(2.0) + noise.normal(0, 0.02, 32_000).astype(np.float32))
    return path


def survey(source, scratch, seeds):
    """How often files came through whole or not, and the seeds of losses that no ledger shows."""
    frames = len(read_frames(source).frames)
    audio_s = read_audio(source).ledger.audio_decoded_s
    results = {}
    tasks = [Task(str(seed), {"source": str(source), "seed": seed, "scratch": str(scratch)}) for seed in seeds]
    report = run_tasks(tasks, examine, workers=1, timeout_s=30.0, memory_bytes=1 << 30, on_result=results.__setitem__)
    assert not report.failed
    assert len(results) == len(tasks)
    counts, hidden = Counter(), []
    for seed, result in results.items():
        if "status" in result:
            counts["refused"] += 1
            continue
        lost = result["frames"] < frames or result["audio_s"] < audio_s - 0.1
        counts["lost" if lost else "kept"] += 1
        if lost and result["complete"]:
            hidden.append((seed, result["summary"]))
    return counts, hidden


def test_the_source_itself_is_complete(source):
    assert read_frames(source).ledger.complete and read_audio(source).ledger.complete


def test_sixty_damaged_files(source, tmp_path):
    counts, hidden = survey(source, tmp_path, range(60))
    assert hidden == []
    assert min(counts["refused"], counts["lost"], counts["kept"]) >= 5, counts


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_damaged_files(source, tmp_path):
    counts, hidden = survey(source, tmp_path, range(1000, 2000))
    assert hidden == []
    assert min(counts["refused"], counts["lost"], counts["kept"]) >= 50, counts
