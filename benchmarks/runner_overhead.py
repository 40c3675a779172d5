"""What the runner costs over a bare PyTorch loop, and whether that stays so over a long training.

    python benchmarks/runner_overhead.py [--quick]

Both train the same model on the same data with the same optimiser and clipping; the runner carries every hook of the
default runtime (losses over TensorBoard, checkpoints, guard against NaN, signals, ownership). Costs are CPU seconds of
one thread, which other processes on the machine disturb less than the clock does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset, Sampler

from zoo.engine.data import build_dataloader, start_epoch
from zoo.engine.runner import ZooRunner
from zoo.registry import REGISTRIES

ITERATION_S = 0.2
RUNTIME = Path(__file__).parents[1] / "configs" / "_base_" / "runtime" / "default.py"


class Perceptron(BaseModel):
    """As cheap as a model can be at ``width`` 8; ``width`` makes it as dear as one likes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, width), nn.GELU(), nn.Linear(width, width), nn.Linear(width, 1))

    def forward(self, inputs, data_samples=None, mode="tensor"):
        logits = self.layers(inputs)
        return {"loss_square": logits.square().mean(), "logit_mean": logits.mean()} if mode == "loss" else logits


class Numbers(Dataset):
    def __init__(self, count: int) -> None:
        self.count = count
        self.values = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict:
        return {"inputs": self.values[index % 256]}


class InOrder(Sampler):
    def __init__(self, dataset, seed) -> None:
        self.count = len(dataset)

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self) -> int:
        return self.count


class Marks(Hook):
    """CPU and wall clock at the start and after each of ``parts`` equal parts of the run."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.marks: list[tuple[float, float]] = []

    def before_train_epoch(self, runner) -> None:
        self.marks.append((time.process_time(), time.perf_counter()))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if (batch_idx + 1) % (runner.train_loop.epoch_length // self.parts) == 0:
            self.marks.append((time.process_time(), time.perf_counter()))

    def costs(self, clock: int = 0) -> list[float]:
        times = [mark[clock] for mark in self.marks]
        return [after - before for before, after in pairwise(times)]


def loader_config(iterations: int, batch: int) -> dict:
    dataset = {"type": "BenchNumbers", "count": iterations * batch}
    return {
        "dataset": dataset,
        "sampler": {"type": "BenchInOrder"},
        "batch_size": batch,
        "collate_fn": {"type": "Benchcollate"},
    }


def collate(samples: list[dict]) -> dict:
    return {"inputs": torch.stack([sample["inputs"] for sample in samples])}


_PARTS = {"detector": Perceptron, "dataset": Numbers, "sampler": InOrder, "collate": collate}
for _kind, _part in _PARTS.items():
    REGISTRIES[_kind].register_module(f"Bench{_part.__name__}", module=_part, force=True)


def run_bare(iterations: int, *, width: int, batch: int) -> tuple[float, float]:
    """CPU and wall seconds of the plain loop."""
    torch.manual_seed(0)
    model = Perceptron(width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=iterations)
    loader = build_dataloader(loader_config(iterations, batch), seed=0)
    cpu, wall = time.process_time(), time.perf_counter()
    for data in start_epoch(loader, seed=0, epoch=0):
        loss = model(**data, mode="loss")["loss_square"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return time.process_time() - cpu, time.perf_counter() - wall


def run_runner(iterations: int, *, width: int, batch: int, parts: int = 1) -> Marks:
    """The same training by the runner."""
    runtime = Config.fromfile(str(RUNTIME))
    marks = Marks(parts)
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "model": {"type": "BenchPerceptron", "width": width},
            "work_dir": folder,
            "train_dataloader": loader_config(iterations, batch),
            "train_cfg": {"max_epochs": 1},
            "optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 1e-3}, "clip_grad": {"max_norm": 1.0}},
            "param_scheduler": [{"type": "LinearLR", "by_epoch": False, "end": iterations}],
            "default_hooks": runtime.default_hooks,
            "visualizer": runtime.visualizer,
        }
        runner = ZooRunner.from_cfg(config)
        runner.console.quiet = True
        runner.register_hook(marks, priority="LOWEST")
        runner.train()
    return marks


def run(quick: bool = False) -> list[dict]:
    """Rows ``{name, ratio, bar, holds, detail}``; a ratio of 1 is the bare loop, or the first tenth."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [*_overhead(300 if quick else 2000), _direct(5 if quick else 25), _flatness(5_000 if quick else 100_000)]
    finally:
        torch.set_num_threads(threads)


def _overhead(iterations: int) -> list[dict]:
    small = {"width": 8, "batch": 4}
    run_bare(50, **small)  # the first calls import
    run_runner(50, **small)
    extra = []
    for _ in range(3):
        bare = run_bare(iterations, **small)[0]
        extra.append((run_runner(iterations, **small).costs()[0] - bare) / iterations)
    per_iteration = min(extra)
    detail = f"{per_iteration * 1e3:.3f} ms an iteration over the bare loop ({iterations} iterations, best of 3)"
    return [_row("runner over a bare loop, at 0.2 s an iteration", 1 + per_iteration / ITERATION_S, 1.03, detail)]


def _direct(iterations: int) -> dict:
    width, batch = 1024, 512
    for _ in range(4):  # settle on a batch that takes 0.2 s
        cost = run_bare(2, width=width, batch=batch)[0] / 2
        if abs(cost / ITERATION_S - 1) < 0.15:
            break
        batch = max(1, int(batch * ITERATION_S / cost))
    ratios = []
    for _ in range(3):
        bare = run_bare(iterations, width=width, batch=batch)[0]
        ratios.append(run_runner(iterations, width=width, batch=batch).costs()[0] / bare)
    detail = f"{bare / iterations:.3f} s an iteration, {iterations} iterations, median of 3"
    return _row("runner over a bare loop, measured directly", sorted(ratios)[1], 1.03, detail)


def _flatness(iterations: int) -> dict:
    costs = run_runner(iterations, width=8, batch=4, parts=10).costs()
    detail = f"{iterations:,} iterations; ms an iteration by tenth: " + " ".join(
        f"{cost / iterations * 10_000:.2f}" for cost in costs
    )
    return _row("runner, last tenth over first tenth", costs[-1] / costs[0], 1.2, detail)


def _row(name: str, ratio: float, bar: float, detail: str) -> dict:
    return {"name": name, "ratio": round(ratio, 4), "bar": bar, "holds": ratio <= bar, "detail": detail}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer iterations")
    for row in run(parser.parse_args().quick):
        verdict = "holds" if row["holds"] else "MISSED"
        print(f"{row['name']}: {row['ratio']:.4f} (bar {row['bar']}, {verdict}); {row['detail']}")
