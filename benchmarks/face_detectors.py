"""How much less a face detector costs on a 720p frame than MTCNN on the full frame, and a search near a known box than
one of the whole frame.

CPU seconds of one thread, in turns, best of all; the frames show one face. A detector whose package or weights are
absent is a row that does not hold.

Run: python benchmarks/face_detectors.py [--quick]
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
from skimage import data

from zoo.errors import MissingDependency
from zoo.faces.mediapipe import MediaPipeDetector
from zoo.faces.mtcnn import MTCNNDetector
from zoo.faces.retinaface import RetinaFaceDetector

BARS = {  # against the plain way, near against whole
    MTCNNDetector: (4.0, 4.0),
    RetinaFaceDetector: (8.0, 4.0),
    MediaPipeDetector: (20.0, 1.5),
}


def run(*, quick: bool = False) -> list[dict]:
    cv2.setNumThreads(1)
    frames = _frames(2 if quick else 8)
    plain = MTCNNDetector(longest_side=max(frames.shape[1:3]), min_face_size=20)
    rows = []
    for kind, (bar, near_bar) in BARS.items():
        names = (f"{kind.__name__} against MTCNN on full frames", f"{kind.__name__} near a box against whole frames")
        try:
            rows += _compare(kind(), plain, frames, names, (bar, near_bar), turns=2 if quick else 5)
        except MissingDependency as error:
            rows += [_row(name, 0.0, bar, error.what) for name, bar in zip(names, (bar, near_bar), strict=True)]
    return rows


def _compare(detector, plain, frames, names, bars, *, turns) -> list[dict]:
    around = [found.boxes[:1] for found in detector.detect(frames)]
    ways = {
        "plain": lambda: plain.detect(frames),
        "whole": lambda: detector.detect(frames),
        "near": lambda: detector.detect_near(frames, around),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(turns):
        for way, go in ways.items():
            start = time.process_time()
            found = go()
            best[way] = min(best[way], (time.process_time() - start) / len(frames))
            assert all(len(one) == 1 for one in found), f"{names[0]}: {way} does not find the one face"
    ms = {way: f"{1000 * seconds:.1f} ms" for way, seconds in best.items()}
    return [
        _row(names[0], best["plain"] / best["whole"], bars[0], f"{ms['whole']} against {ms['plain']} a frame"),
        _row(names[1], best["whole"] / best["near"], bars[1], f"{ms['near']} against {ms['whole']} a frame"),
    ]


def _row(name: str, ratio: float, bar: float, detail: str) -> dict:
    return {"name": name, "ratio": ratio, "bar": bar, "holds": ratio >= bar, "detail": detail}


def _frames(count: int) -> np.ndarray:
    """uint8 [count, 720, 1280, 3]: a photograph of one face before a wall, drifting."""
    photograph = cv2.resize(data.astronaut(), (720, 720), interpolation=cv2.INTER_CUBIC)
    wall = np.random.default_rng(0).integers(90, 160, (9, 16, 3), dtype=np.uint8)
    frames = cv2.resize(wall, (1280, 720), interpolation=cv2.INTER_CUBIC)[None].repeat(count, axis=0)
    for index, frame in enumerate(frames):
        frame[:, 200 + 4 * index : 920 + 4 * index] = photograph
    return frames


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    for row in run(quick=parser.parse_args().quick):
        print(row)
