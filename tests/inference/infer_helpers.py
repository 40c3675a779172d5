"""A small checkpoint of face crops, videos whose faces a stub detector finds, and the command on them."""

from __future__ import annotations

import csv

import torch
from stub_faces import SquareDetector, film, scene

import zoo
from zoo.cli import run
from zoo.cli.infer import main
from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, publish
from zoo.faces.pipeline import FaceCropper
from zoo.media.choice import Evenly

SIZE = 32
MODEL = {
    "type": "ImageDetector",
    "backbone": {"type": "TimmBackbone", "name": "test_efficientnet"},
    "head": {"type": "ClassificationHead", "in_channels": 256},
    "loss": {"type": "BinaryCrossEntropyLoss"},
}
COLOURS = ((220, 30, 30), (30, 200, 30), (40, 40, 230), (200, 180, 20))


def make_cropper(**options):
    return FaceCropper(**{"detector": SquareDetector(), "choice": Evenly(3), "image_size": SIZE, **options})


def trained_on(**changes):
    """The provenance of crops that were cut by the stub detector."""
    way = {**make_cropper().provenance(), "encoding": {"format": "png", "quality": 95}, **changes}
    return {"kind": "crops", "crops": [way], "image_size": SIZE}


def write_checkpoint(path, *, provenance=None, model=MODEL, seed=0):
    torch.manual_seed(seed)
    detector = zoo.create_model(model)
    state = {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": detector.state_dict(),
        "architecture": model,
        "labels": dict(LABELS),
        "provenance": trained_on() if provenance is None else provenance,
        "metrics": {},
        "epoch": 1,
        "iteration": 1,
        "zoo_version": "0",
    }
    publish(state, path)
    return path


def write_videos(root, count=4):
    root.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        film(root / f"video {n}.mp4", [scene((6 + 2 * k, 20, 40, COLOURS[n % 4])) for k in range(6)])
    return root


def infer(checkpoint, data, output, *more):
    arguments = ["--checkpoint", checkpoint, "--data", data, "--output", output, "--num-workers", 0, "--device", "cpu"]
    return run(lambda: main([str(value) for value in (*arguments, *more)]))


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))
