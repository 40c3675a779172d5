"""A small world with two detectors of features and files of predictions, and the commands on their ensemble."""

from __future__ import annotations

import json

import numpy as np

import zoo
from zoo.cli import run
from zoo.cli.test import main as test_main
from zoo.cli.train import main as train_main
from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, publish
from zoo.predictions import write_predictions
from zoo.structures import Prediction

MEMBER = """
_base_ = ["zoo::_base_/runtime/default.py"]
model = dict(
    type="UnimodalTransformer",
    modality="{modality}",
    projection=dict(type="FeatureProjection", in_channels=8, out_channels=8),
    temporal=dict(type="TemporalTransformer", channels=8, num_layers=1, num_heads=2),
    head=dict(type="ClassificationHead", in_channels=8),
    loss=dict(type="BinaryCrossEntropyLoss"),
)
_loader = dict(
    batch_size=8, num_workers=0,
    sampler=dict(type="SequentialSampler"), collate_fn=dict(type="collate_features"),
)
_data = dict(type="FeatureDataset", seq_len=16, test_mode=True, modality="{modality}", splits_file="{splits}")
val_dataloader = dict(dataset=dict(split="val", **_data), **_loader)
test_dataloader = dict(dataset=dict(split="test", **_data), **_loader)
val_cfg = dict(type="EvaluationLoop")
test_cfg = dict(type="TestingLoop")
val_evaluator = test_evaluator = dict(type="ForgeryMetric")
del _loader, _data
"""
ENSEMBLE = """
ensemble = dict(
    members=[
        dict(name="sight", config="{folder}/visual.py", checkpoint="{folder}/visual.pth"),
        dict(name="sound", config="{folder}/audio.py", checkpoint="{folder}/audio.pth"),
        dict(name="files", predictions=dict(val="{folder}/val.parquet", test="{folder}/test.csv")),
    ],
    combiner=dict(type="MeanCombiner"),
    calibrator=dict(type="PlattCalibrator"),
)
"""
VAL, TEST = 24, 16
CLIPS = 4 + VAL + TEST


def clip(index):
    return f"{('real', 'fake')[index % 2]}/c{index:02d}"


def make_world(folder):
    """``tree`` of features, ``visual`` and ``audio`` detectors, ``val.parquet``, ``test.csv`` and ``both.py``."""
    import torch

    rng = np.random.default_rng(0)
    ids = [clip(index) for index in range(CLIPS)]
    for index, name in enumerate(ids):
        (folder / "tree" / name).mkdir(parents=True)
        rows = int(rng.integers(9, 16))
        for stream in ("visual", "audio"):
            values = rng.normal(index % 2, 1, (rows, 8)).astype(np.float32)
            np.savez(folder / "tree" / name / f"{stream}_embeddings.npz", embeddings=values)
    splits = {"train": ids[:4], "val": ids[4 : 4 + VAL], "test": ids[4 + VAL :]}
    (folder / "splits.json").write_text(json.dumps(splits))
    for seed, modality in enumerate(("visual", "audio")):
        path = folder / f"{modality}.py"
        path.write_text(MEMBER.format(modality=modality, splits=folder / "splits.json"))
        torch.manual_seed(seed)
        write_member(path, folder / f"{modality}.pth")
    for split, name in (("val", "val.parquet"), ("test", "test.csv")):
        write_predictions(
            folder / name, [told(one, rng.beta(2 + 1.5 * fake(one), 3.5 - 1.5 * fake(one))) for one in splits[split]]
        )
    (folder / "both.py").write_text(ENSEMBLE.format(folder=folder))
    return folder


def fake(name):
    return int(name.startswith("fake"))


def told(name, score, corpus="tree"):
    """A prediction as the members of the world name it."""
    return Prediction(
        sample_id=name, video_id=name, corpus=corpus, method="unknown", label=fake(name), score=float(score)
    )


def write_member(config_path, path):
    from zoo.config import load_config

    config = load_config(config_path)
    state = {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": zoo.create_model(config).state_dict(),
        "architecture": config.model.to_dict(),
        "labels": dict(LABELS),
        "provenance": {},
        "metrics": {},
        "epoch": 3,
        "iteration": 30,
        "zoo_version": "0",
    }
    publish(state, path)


def train(config, work_dir, *more, root=None):
    arguments = [config, "--work-dir", work_dir, *(["--data-root", root] if root else []), *more]
    return run(lambda: train_main([str(value) for value in arguments]))


def evaluate(config, work_dir, *more, root=None, artefact=None):
    artefact = artefact or work_dir / "ensemble.json"
    arguments = [config, artefact, "--work-dir", work_dir, *(["--data-root", root] if root else []), *more]
    return run(lambda: test_main([str(value) for value in arguments]))
