"""A small list of videos with faces that a stub detector finds, and what a run leaves."""

from __future__ import annotations

import json
from pathlib import Path

from stub_faces import BLUE, GREEN, RED, SquareDetector, film, scene

from zoo.datasets.preprocessing.run import REPORT, preprocess
from zoo.faces.pipeline import FaceCropper
from zoo.jobs.executors import InProcessExecutor
from zoo.media.choice import Evenly
from zoo.structures import VideoRecord

COLOURS = (RED, GREEN, BLUE)


def record(path, video_id=None, **facts):
    facts = {"corpus": "c", "split": "train", "label": 0, "method": "real", **facts}
    name = f"c/{Path(path).name}" if video_id is None else video_id
    return VideoRecord(video_id=name, path=str(path), **facts)


def walking(path, *, frames=10, colour=RED, start=6, **options):
    return film(path, [scene((start + 2 * k, 24, 40, colour)) for k in range(frames)], **options)


def make_records(root, count=6):
    """``count`` videos in ``root``, every other one a fake."""
    root.mkdir(parents=True, exist_ok=True)
    made = []
    for n in range(count):
        path = walking(root / f"video {n}.mp4", colour=COLOURS[n % 3], start=4 + n)
        made.append(record(path, split=("train", "val")[n % 3 == 2], label=n % 2, method=("real", "swap")[n % 2]))
    return made


def make_cropper(**options):
    return FaceCropper(**{"detector": SquareDetector(), "choice": Evenly(4), "image_size": 24, **options})


def cut(records, output, *, cropper=None, executor=None, **options):
    return preprocess(records, output, cropper or make_cropper(), executor=executor or InProcessExecutor(), **options)


def left_in(output):
    """Content of every crop below ``output``, and the manifest's and the report's (without its clock)."""
    output = Path(output)
    content = {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.suffix in (".jpg", ".png", ".zip", ".arrow", ".parquet")
    }
    report = json.loads((output / REPORT).read_text())
    del report["seconds"], report["done_now"]
    return content, report


def statuses(report):
    return {failure.key: failure.status for failure in report.failures}
