"""A tiny detector, dataset, sampler and metric, known to the registries under names that begin with Toy."""

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset, Sampler

from zoo.detectors.base import calls_of
from zoo.registry import REGISTRIES
from zoo.structures import ForgerySample


class ToyDetector(BaseModel):
    """Dropout draws from the global generator, so a resume that loses its state shows."""

    def __init__(self, width=8, dropout=0.2, poison_from=None):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.GELU(), nn.Dropout(dropout))
        self.head = nn.Linear(width, 1)
        self.poison_from = poison_from
        self.calls = 0

    def forward(self, inputs, data_samples=None, mode="tensor"):
        logits = self.head(self.layers(inputs)).squeeze(-1).float()
        if mode == "tensor":
            return logits
        if mode == "predict":
            for sample, logit in zip(data_samples, logits, strict=True):
                sample.fake_logit = float(logit)
            return data_samples
        labels = torch.tensor([sample.label for sample in data_samples], dtype=torch.float32)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
        self.calls += 1
        if self.poison_from is not None and self.calls in self.poison_from:
            loss = loss * float("nan")
        return {"loss_bce": loss, "logit_mean": logits.mean(), **calls_of(logits, labels.long())}


class ToyDataset(Dataset):
    provenance = {"corpus": "toy", "sha256": "0" * 64}  # noqa: RUF012

    def __init__(self, n=20, seed=0, draws_globally=False):
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.arange(n) % 2
        self.inputs = torch.randn(n, 4, generator=generator) + self.labels[:, None].float()
        self.draws_globally = draws_globally
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def class_counts(self):
        return {0: int((self.labels == 0).sum()), 1: int((self.labels == 1).sum())}

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        noise = np.random.default_rng([self.epoch, index]).normal(size=4) * 0.1
        if self.draws_globally:
            noise = noise + np.random.normal(size=4) * 0.1  # noqa: NPY002
        sample = ForgerySample(
            sample_id=str(index), video_id=str(index), corpus="toy", method="", label=int(self.labels[index])
        )
        return {"inputs": self.inputs[index] + torch.from_numpy(noise).float(), "data_samples": sample}


class ToySampler(Sampler):
    world_size = 1  # it gives all ranks the same samples, knowingly

    def __init__(self, dataset, seed, shuffle=True):
        self.n, self.seed, self.shuffle, self.epoch = len(dataset), seed, shuffle, 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return iter(torch.randperm(self.n, generator=generator).tolist() if self.shuffle else range(self.n))

    def __len__(self):
        return self.n


class ToyMetric(BaseMetric):
    default_prefix = "video"

    def process(self, data_batch, data_samples):
        self.results += [((sample.fake_logit > 0) == bool(sample.label), sample.fake_logit) for sample in data_samples]

    def compute_metrics(self, results):
        return {
            "accuracy": float(np.mean([right for right, _ in results])),
            "spread": float(np.std([logit for _, logit in results])),
        }


def toy_collate(samples):
    inputs = torch.stack([sample["inputs"] for sample in samples])
    return {"inputs": inputs, "data_samples": [sample["data_samples"] for sample in samples]}


for kind, part in (
    ("detector", ToyDetector),
    ("dataset", ToyDataset),
    ("sampler", ToySampler),
    ("metric", ToyMetric),
    ("collate", toy_collate),
):
    REGISTRIES[kind].register_module(module=part, force=True)


def toy_config(work_dir, *, max_epochs=3, hooks=None, workers=0, **changes):
    """A run of 5 iterations an epoch (20 samples, batch 4) with everything on that shapes the weights."""
    loader = {
        "batch_size": 4,
        "num_workers": workers,
        "collate_fn": {"type": "toy_collate"},
    }
    config = {
        "model": {"type": "ToyDetector"},
        "work_dir": str(work_dir),
        "train_dataloader": {**loader, "dataset": {"type": "ToyDataset"}, "sampler": {"type": "ToySampler"}},
        "val_dataloader": {
            **loader,
            "dataset": {"type": "ToyDataset", "n": 10, "seed": 1},
            "sampler": {"type": "ToySampler", "shuffle": False},
        },
        "train_cfg": {"max_epochs": max_epochs},
        "val_cfg": {},
        "val_evaluator": {"type": "ToyMetric"},
        "optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 0.05}, "clip_grad": {"max_norm": 1.0}},
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 4},
            {
                "type": "CosineAnnealingLR",
                "T_max": max_epochs,
                "by_epoch": True,
                "end": max_epochs,
                "convert_to_iter_based": True,
            },
        ],
        "default_hooks": {
            "monitor": {"type": "TrainingMonitor", "interval": 3},
            "checkpoint": {"type": "SaveCheckpoint", "save_best": "video/accuracy"},
            **(hooks or {}),
        },
        "randomness": {"seed": 7},
        "experiment_name": "toy",
    }
    return config | changes
