"""A raw 720p video to its score against the plain way: 32 frames, the same model.

The plain way reads every frame with OpenCV, calls facenet-pytorch's ``MTCNN.detect`` on each of 32 evenly spaced
full-size frames, and puts one crop at a time through the model in fp32. Ours is what ``zoo infer`` does with a file:
faces cut by `CutJob`, scored in batches by a backend. Clips are replicas (drawn heads, real codec) of 300 frames with
keyframes every 250. The models are the dual-branch detector for CPUs and that with EfficientNet-B4, random weights. The
latter takes two thirds of our time, most of which no cutting can save: its bar is lower.

Times are CPU seconds of a video, in turns, medians, one thread each. MediaPipe and RetinaFace need their weights in the
cache or a package registry. Run: python benchmarks/video_inference.py
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from _clips import genuine_clips
from _rows import at_least, run_alone
from _timing import medians

import zoo
from zoo.cli.infer import BATCHES
from zoo.datasets.preprocessing.crop_job import Encoding
from zoo.faces.pipeline import FaceCropper
from zoo.inference.batches import CropBatches
from zoo.inference.cutting import CutJob
from zoo.inference.inputs import find_inputs
from zoo.inference.scoring import Score, score_files
from zoo.jobs.executors import InProcessExecutor
from zoo.media.probe import probe
from zoo.registry import build

CLIPS = Path("work_dirs/bench/video_inference")
FRAMES = 32
MODELS = (
    ("dualbranch_tiny_ffpp", 112, (("TorchBackend", {}), ("OnnxRuntimeBackend", {"threads": 1}))),
    ("dualbranch_b4_ffpp", 224, (("TorchBackend", {"precision": "bf16"}), ("OnnxRuntimeBackend", {"threads": 1}))),
)
BARS = {"dualbranch_tiny_ffpp": 5.0, "dualbranch_b4_ffpp": 3.0}


def plain(path: Path, model: torch.nn.Module, size: int) -> float:
    """The score of a video the plain way."""
    from facenet_pytorch import MTCNN

    mtcnn = _plain_network.setdefault("mtcnn", MTCNN(keep_all=True))
    reader = cv2.VideoCapture(str(path))
    middles = ((np.arange(FRAMES) + 0.5) / FRAMES * reader.get(cv2.CAP_PROP_FRAME_COUNT)).astype(int)
    wanted, scores, number = set(middles.tolist()), [], 0
    while (read := reader.read())[0]:
        if number in wanted:
            frame = cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
            boxes, _ = mtcnn.detect(frame)
            if boxes is not None:
                left, top, right, bottom = (max(0, round(float(edge))) for edge in boxes[0])
                crop = cv2.resize(frame[top:bottom, left:right], (size, size))
                with torch.no_grad():
                    logit = model({"image": torch.from_numpy(crop).permute(2, 0, 1)[None]})
                scores.append(torch.sigmoid(logit).item())
        number += 1
    return float(np.mean(scores))


_plain_network: dict = {}


def ours(job: CutJob, batches: CropBatches, path: Path) -> Score:
    """What ``zoo infer`` makes of a video, in this process."""
    (score,) = score_files(find_inputs(path).files, job, batches, executor=InProcessExecutor())
    assert score.status == "ok" and score.crops == FRAMES, score
    return score


def run(quick: bool = False) -> list[dict]:
    """The measurements as rows of ``name``, ``ratio``, ``bar``, ``holds`` and ``detail``."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    seconds = 2 if quick else 12
    root = CLIPS / f"720p-{seconds:g}s"
    path = genuine_clips(root, seconds=seconds, size=(1280, 720), keyframe_every=250, identities=2)[0]
    frames = probe(path).frame_count
    detector = build("face_detector", {"type": "MTCNNDetector"})
    rows = []
    for config, size, backends in MODELS:
        model = zoo.create_model(config, **{"rgb.pretrained": False}).eval()
        job = CutJob(
            size=size,
            cropper=FaceCropper(detector=detector, image_size=size),
            pictures_are_crops=False,
            encoding=Encoding(),
        )
        trials: dict[str, Callable[[], object]] = {"plain": partial(plain, path, model, size)}
        for backend, options in backends:
            built = build("backend", {"type": backend, "device": "cpu", **options}, model=copy.deepcopy(model))
            batches = CropBatches(built, batch_size=BATCHES["cpu"], image_size=size)
            trials[" ".join([backend, *map(str, options.values())])] = partial(ours, job, batches, path)
        taken = medians(trials, 1 if quick else 3)
        for name in list(trials)[1:]:
            ratio = taken["plain"] / taken[name]
            bar = BARS[config]
            detail = f"{taken['plain']:.2f} s and {taken[name]:.2f} s a video of {frames} frames, 720p"
            rows.append(at_least(f"video inference: {config}, {name}", ratio, bar, detail, digits=3))
    return rows


if __name__ == "__main__":
    sys.exit(run_alone(run, __doc__))
