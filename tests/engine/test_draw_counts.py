"""Draws by corpus, class and method: announced before training to the sample, counted in each epoch."""

import re

import numpy as np
from toy_parts import ToyDataset, toy_config

from zoo.datasets.cells import CellName, Cells
from zoo.engine.hooks.draws import announced_draws
from zoo.engine.runner import ZooRunner
from zoo.registry import REGISTRIES

NAMES = (CellName("toy", "real", "none"), CellName("toy", "fake", "swap"), CellName("other", "fake", "swap"))


class SortedToys(ToyDataset):
    """Twelve real, five fake and three fakes of another corpus; those of ``liars`` say that they are something else."""

    def __init__(self, liars=()):
        super().__init__()
        self.labels[:] = 0
        self.labels[12:] = 1
        self.liars = liars

    def set_epoch(self, epoch, seed=None):
        self.epoch = epoch

    def cells(self):
        sizes = np.array([12, 5, 3])
        return Cells(NAMES, np.cumsum(sizes) - sizes, sizes)

    def __getitem__(self, index):
        item = super().__getitem__(index)
        name = NAMES[int(self.cells().of(np.array([index]))[0])]
        item["data_samples"].corpus, item["data_samples"].method = name.corpus, name.method
        if index in self.liars:
            item["data_samples"].method = "spoof"
        return item


REGISTRIES["dataset"].register_module(module=SortedToys, force=True)


def mixed(config, *, batch_size=4, liars=()):
    """``config`` of a run of toys with classes in balance and their draws counted."""
    mixer = {"type": "BalancedMixer", "by": ["label"]}
    loader = {
        "dataset": {"type": "SortedToys", "liars": liars},
        "sampler": {"type": "MixSampler", "mixer": mixer},
        "batch_size": batch_size,
        "drop_last": True,
    }
    hooks = config["default_hooks"] | {"draws": {"type": "DrawCounts"}}
    return config | {"train_dataloader": config["train_dataloader"] | loader, "default_hooks": hooks}


def config_of(folder, *, batch_size=4, liars=(), **changes):
    return mixed(toy_config(folder, max_epochs=2, **changes), batch_size=batch_size, liars=liars)


def log_of(folder):
    return max(folder.glob("*/*.log"), key=lambda path: path.stat().st_mtime_ns).read_text()


def test_draws_are_announced_and_confirmed(tmp_path, capsys):
    ZooRunner.from_cfg(config_of(tmp_path)).train()
    shown = capsys.readouterr().out
    assert re.search(r"toy\W+real\W+none\W+10\W+50\.0%\W+12\W+0\.833", shown)
    assert re.search(r"toy\W+fake\W+swap\W+6\W+30\.0%\W+5\W+1\.2\b", shown)
    assert re.search(r"other\W+fake\W+swap\W+4\W+20\.0%\W+3\W+1\.33", shown)
    log = log_of(tmp_path)
    counts = "20 (other/fake/swap 4, toy/fake/swap 6, toy/real/none 10)"
    assert f"draws an epoch: {counts}" in log
    assert all(f"epoch {epoch} drew what was announced: {counts}" in log for epoch in (1, 2))


def test_dropped_batches_are_known_beforehand(tmp_path):
    runner = ZooRunner.from_cfg(config_of(tmp_path, batch_size=8))
    runner.train()
    log = log_of(tmp_path)
    announced = announced_draws(runner.train_dataloader, 2)
    assert announced.total() == 16 and "draws an epoch: 16 (" in log
    assert log.count("drew what was announced: 16 (") == 2


def test_what_was_not_announced_is_told(tmp_path):
    ZooRunner.from_cfg(config_of(tmp_path, liars=range(12))).train()
    log = log_of(tmp_path)
    assert "did not draw what was announced: toy/real/none 0 in place of 10, toy/real/spoof 10 in place of 0" in log


def test_an_epoch_resumed_in_its_middle_counts_the_rest(tmp_path):
    interrupted = config_of(tmp_path)
    interrupted["train_cfg"] = {"max_epochs": 2, "max_iters": 7}
    interrupted["default_hooks"]["checkpoint"]["interval_iters"] = 1
    ZooRunner.from_cfg(interrupted).train()
    ZooRunner.from_cfg(config_of(tmp_path, resume="auto")).train()
    assert "epoch 2 from batch 3 on drew what was announced: 12 (" in log_of(tmp_path)


def test_other_samplers_are_counted_without_an_announcement(tmp_path, capsys):
    ZooRunner.from_cfg(toy_config(tmp_path, hooks={"draws": {"type": "DrawCounts"}}, max_epochs=1)).train()
    assert "draws an epoch" not in capsys.readouterr().out
    assert "epoch 1 drew 20 (toy/fake/ 10, toy/real/ 10)" in log_of(tmp_path)
