"""A whole run in miniature: the real detector, data, hooks and tools on a few tiny clips."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120.0
WIDTH = 8
CLIPS = 10  # of each class, of which half are trained on: three batches of four an epoch

CONFIG = """
custom_imports = dict(imports=["fault_parts"])
default_scope = "zoo"
data_root = {data_root!r}
model = dict(
    type="UnimodalTransformer",
    modality="audio",
    projection=dict(type="FeatureProjection", in_channels={width}, out_channels=16, dropout={dropout}),
    temporal=dict(type="TemporalTransformer", channels=16, num_layers=1, num_heads=2, dropout={dropout}),
    head=dict(type="ClassificationHead", in_channels=16, dropout={dropout}),
    loss=dict(type="BinaryCrossEntropyLoss"),
)
_dataset = dict(type="FeatureDataset", seq_len=6, split_ratio=(0.5, 0.25, 0.25))
train_dataloader = dict(
    batch_size={batch_size},
    num_workers=0,
    dataset=dict(split="train", **_dataset),
    sampler=dict(type="EpochSampler"),
    collate_fn=dict(type="collate_features"),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(split="val", test_mode=True, **_dataset),
    sampler=dict(type="SequentialSampler"),
    collate_fn=dict(type="collate_features"),
)
train_cfg = dict(type="EpochTrainLoop", max_epochs={epochs})
val_cfg = dict(type="EvaluationLoop")
val_evaluator = dict(type="ForgeryMetric")
optim_wrapper = dict(type="PrecisionOptimWrapper", optimizer=dict(type="AdamW", lr=1e-2), precision="fp32")
default_hooks = dict(
    checkpoint=dict(type="SaveCheckpoint", interval_iters={interval_iters}, save_best="video/auc"),
    owner=dict(type="WorkDirOwner"),
    signals=dict(type="SignalHandler"),
)
custom_hooks = {hooks}
randomness = dict(seed=5)
"""


def write_features(root: Path, *, clips: int = CLIPS) -> Path:
    """An npz tree of ``clips`` real and as many fake clips of 8 to 14 frames, the fake ones louder."""
    numbers = np.random.default_rng(0)
    for label, name in enumerate(("real", "fake")):
        for clip in range(clips):
            folder = root / name / f"{name}{clip:03d}"
            folder.mkdir(parents=True)
            frames = 8 + clip % 7
            for stream in ("visual", "audio"):
                values = numbers.normal(0.5 * label, 1.0, (frames, WIDTH)).astype(np.float32)
                np.savez(folder / f"{stream}_embeddings.npz", embeddings=values)
    return root


def write_config(
    path: Path,
    data_root: Path,
    *,
    epochs: int = 2,
    batch_size: int = 4,
    dropout: float = 0.1,
    interval_iters: int | None = None,
    hooks: Sequence[Mapping] = (),
) -> Path:
    text = CONFIG.format(
        data_root=str(data_root),
        width=WIDTH,
        epochs=epochs,
        batch_size=batch_size,
        dropout=dropout,
        interval_iters=interval_iters,
        hooks=list(hooks),
    )
    path.write_text(text)
    return path


def surroundings(**environment: str) -> dict[str, str]:
    """The environment of a run that finds the parts in this folder; one thread, so that sums have one order."""
    launched = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_", "SLURM_", "OMPI_", "TORCHELASTIC_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(launched)}
    mine = {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return inherited | mine | environment


def run_tool(
    *arguments: object, prefix: Sequence[str] = (), timeout_s: float = TIMEOUT_S, **environment: str
) -> tuple[int, str]:
    """``tools/train.py`` with ``arguments``, as a user starts it: exit code and all it printed."""
    done = subprocess.run(
        [sys.executable, *prefix, str(REPOSITORY / "tools" / "train.py"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=surroundings(**environment),
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout


class Nursery:
    """Starts training runs in milliseconds: forks of one process that has imported what ``config`` needs."""

    def __init__(self, config: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py")), str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=surroundings(),
        )

    def start(self, *arguments: object, output: Path, **environment: str) -> int:
        """Start ``tools/train.py`` with ``arguments``; returns its process id. What it prints goes to ``output``."""
        request = {"arguments": [str(item) for item in arguments], "output": str(output), "environment": environment}
        return self._ask(request)

    def wait(self, pid: int, *, timeout_s: float = TIMEOUT_S) -> int:
        """The exit code of a run, negative for a signal; one that takes longer is killed."""
        return self._ask({"wait": pid, "timeout_s": timeout_s})

    def train(self, *arguments: object, output: Path, **environment: str) -> int:
        """Run to the end; returns the exit code."""
        return self.wait(self.start(*arguments, output=output, **environment))

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=TIMEOUT_S)

    def _ask(self, request: Mapping) -> int:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def wait_for(path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
    """Until ``path`` exists."""
    end = time.monotonic() + timeout_s
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


def last_state(work_dir: Path) -> dict:
    """The newest training checkpoint of a run."""
    name = (work_dir / "last_checkpoint").read_text().strip()
    return torch.load(work_dir / name, weights_only=True)


def assert_same_weights(first: Path, second: Path) -> None:
    """Both runs ended at the same iteration with weights and optimiser states that agree bit for bit."""
    one, other = last_state(first), last_state(second)
    assert one["meta"]["iter"] == other["meta"]["iter"]
    assert one["state_dict"].keys() == other["state_dict"].keys()
    assert one["state_dict"]
    for name, tensor in one["state_dict"].items():
        assert torch.equal(tensor, other["state_dict"][name]), name
    for index, values in one["optimizer"]["state"].items():
        for name, value in values.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(other["optimizer"]["state"][index][name]))
