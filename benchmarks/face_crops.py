"""A 720p video to face crops against the plain way, with each detector; rate, workers and memory.

The plain way reads every frame with OpenCV and calls facenet-pytorch's ``MTCNN.detect`` on each of 32 evenly spaced
full-size frames. Ours is what ``zoo preprocess`` does with a video, crops encoded and hashed. Clips are replicas
(drawn heads, real codec): 300 frames with keyframes every 250, and 3,000 (300, repeated) with keyframes every 30.

- Times: CPU seconds of a video, in turns, medians, one thread each.
- Faces found: share of the boxes of the plain way that ours meets with an intersection over union of 0.5.
- Rate: ours with MediaPipe against decoding and converting the same 32 frames alone.
- Workers: wall clock of two single-threaded processes against one, on 16 videos.
- Memory: peak of a process that crops a 1080p file of two hours (ten seconds, their packets repeated).

MediaPipe and RetinaFace need their weights in the cache or a package registry. Run: python benchmarks/face_crops.py
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np
import torch
from _clips import genuine_clips
from _rows import at_least, parser_of, report
from _timing import medians

from zoo.datasets.preprocessing.crop_job import CropJob, CropTask, Encoding
from zoo.faces.detections import FaceDetector, box_overlaps
from zoo.faces.pipeline import LONG_VIDEOS, FaceCropper
from zoo.jobs.executors import ProcessExecutor
from zoo.jobs.work import Task, run_tasks
from zoo.media.decode import read_frames
from zoo.media.probe import probe
from zoo.registry import build
from zoo.structures import VideoRecord

CLIPS = Path("work_dirs/bench/face_crops")
FRAMES = 32
TIME_BARS = {"MediaPipeDetector": 7.0, "RetinaFaceDetector": 6.0, "MTCNNDetector": 2.5}
FOUND_BARS = {"MediaPipeDetector": 0.95, "RetinaFaceDetector": 0.95, "MTCNNDetector": 0.99}
LONG_BAR, RATE_BAR, WORKERS_BAR, MEMORY_BAR_GB = 8.0, 0.55, 1.8, 1.0
FPS = 25


def clips(name: str, *, seconds: float, size: tuple[int, int], keyframe_every: int, identities: int) -> list[Path]:
    root = CLIPS / f"{name}-{seconds:g}s"
    return genuine_clips(root, seconds=seconds, size=size, keyframe_every=keyframe_every, identities=identities)


def repeated(source: Path, times: int) -> Path:
    """``source`` ``times`` over in one file, its packets copied."""
    target = CLIPS / f"{source.parts[-3]}-{source.stem}-x{times}.mp4"
    if target.exists():
        return target
    partial = target.with_suffix(".partial")
    with av.open(str(partial), "w", format="mp4") as out:
        for number in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                if number == 0:
                    copy = out.add_stream_from_template(stream)
                shift = number * int(stream.duration)
                for packet in container.demux(stream):
                    if packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                        out.mux(packet)
    partial.replace(target)
    return target


def record(path: Path) -> VideoRecord:
    return VideoRecord(video_id=path.stem, path=str(path), corpus="bench", split=None, label=0, method="real")


def plain(path: Path) -> list[np.ndarray]:
    """Boxes of every sampled frame the plain way."""
    from facenet_pytorch import MTCNN

    mtcnn = _plain_network.setdefault("mtcnn", MTCNN(keep_all=True))
    reader = cv2.VideoCapture(str(path))
    middles = ((np.arange(FRAMES) + 0.5) / FRAMES * reader.get(cv2.CAP_PROP_FRAME_COUNT)).astype(int)
    wanted, boxes, number = set(middles.tolist()), [], 0
    while (read := reader.read())[0]:
        if number in wanted:
            boxes.append(mtcnn.detect(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))[0])
        number += 1
    return [np.zeros((0, 4)) if found is None else found for found in boxes]


_plain_network: dict = {}


def job_of(detector: FaceDetector) -> CropJob:
    return CropJob(CLIPS / "crops", FaceCropper(detector=detector), Encoding())


def share_found(job: CropJob, paths: list[Path]) -> float:
    """Of the faces that the plain way finds."""
    met = total = 0
    for path in paths:
        value = job(CropTask(record=record(path)))
        ours = {place: np.array(box)[None] for place, box in zip(value["position"], value["box"], strict=True)}
        for place, boxes in enumerate(plain(path)):
            total += len(boxes)
            if place in ours and len(boxes):
                met += int((box_overlaps(boxes, ours[place]) >= 0.5).any(axis=1).sum())
    return met / max(total, 1)


def two_workers(detector: FaceDetector, paths: list[Path]) -> float:
    """Wall clock of one worker over that of two, start-up left out."""
    job = job_of(detector)

    def seconds(workers: int) -> float:
        tasks = [Task(f"{turn} {path.stem}", CropTask(record=record(path))) for turn in range(8) for path in paths]
        stamps: list[float] = []
        report = run_tasks(
            tasks,
            job,
            executor=ProcessExecutor(workers=workers),
            on_result=lambda key, value: stamps.append(time.monotonic()),
        )
        report.require(max_failed_fraction=0.0)
        skip = 2 * workers  # the first of each worker load the networks
        return (stamps[-1] - stamps[skip - 1]) / (len(stamps) - skip)

    return median(seconds(1) / seconds(2) for _ in range(3))


def peak_gb(path: Path) -> float:
    """Peak resident memory of a process that crops ``path``, in GB."""
    command = [sys.executable, __file__, "--crop", str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]) / 1e9


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    turns = 1 if quick else 5
    short = clips("720p", seconds=2 if quick else 12, size=(1280, 720), keyframe_every=250, identities=2)
    detectors = {name: build("face_detector", {"type": name}) for name in TIME_BARS}
    jobs = {name: job_of(detector) for name, detector in detectors.items()}
    task = CropTask(record=record(short[0]))
    trials: dict[str, Callable[[], object]] = {"plain": lambda: plain(short[0])}
    trials |= {name: lambda job=job: job(task) for name, job in jobs.items()}
    trials["decoding"] = lambda: read_frames(short[0], count=FRAMES)
    taken = medians(trials, turns)
    frames = probe(short[0]).frame_count
    rows = []
    for name, job in jobs.items():
        ratio = taken["plain"] / taken[name]
        detail = f"{taken['plain']:.2f} s and {taken[name]:.2f} s a video of {frames} frames, 720p"
        rows.append(_row(f"face crops: {name} against the plain way", ratio, TIME_BARS[name], detail))
        found = share_found(job, short[:2])
        rows.append(_row(f"face crops: {name}, share of the plain way's faces", found, FOUND_BARS[name], "IoU 0.5"))
    rate = taken["decoding"] / taken["MediaPipeDetector"]
    rows.append(_row("face crops: MediaPipe's rate of decoding alone", rate, RATE_BAR, f"{taken['decoding']:.2f} s"))
    part = clips("720p-keyframes", seconds=2 if quick else 12, size=(1280, 720), keyframe_every=30, identities=2)[0]
    long = repeated(part, 2 if quick else 10)
    fast = jobs["RetinaFaceDetector"]
    slow = medians({"plain": lambda: plain(long), "ours": lambda: fast(CropTask(record=record(long)))}, 1)
    detail = f"{slow['plain']:.2f} s and {slow['ours']:.2f} s a video of {probe(long).frame_count} frames"
    rows.append(_row("face crops: RetinaFace on a long video", slow["plain"] / slow["ours"], LONG_BAR, detail))
    gain = two_workers(detectors["RetinaFaceDetector"], short[:2])
    rows.append(_row("face crops: two workers against one", gain, WORKERS_BAR, "wall clock, start-up left out"))
    part = clips("1080p", seconds=2 if quick else 10, size=(1920, 1080), keyframe_every=250, identities=2)[0]
    hours = repeated(part, 2 if quick else 720)
    peak = peak_gb(hours)
    detail = f"{probe(hours, limits=LONG_VIDEOS).frame_count:,} frames"
    row = _row("face crops: GB of memory for two hours of 1080p", peak, MEMORY_BAR_GB, detail)
    rows.append({**row, "holds": peak <= MEMORY_BAR_GB})
    shutil.rmtree(CLIPS / "crops", ignore_errors=True)
    return rows


def _row(name: str, ratio: float, bar: float, detail: str) -> dict:
    return at_least(name, ratio, bar, detail, digits=3)


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--crop", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.crop:
        job_of(build("face_detector", {"type": "RetinaFaceDetector"}))(CropTask(record=record(options.crop)))
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        print(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")))
        return 0
    return report(run(options.quick))


if __name__ == "__main__":
    sys.exit(main())
