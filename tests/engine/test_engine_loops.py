import multiprocessing
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer, MessageHub
from torch.utils.data import DataLoader
from toy_parts import ToyDataset, ToyDetector, ToySampler, toy_collate, toy_config

from zoo._compat import HISTORY_LENGTH
from zoo.engine import data
from zoo.engine.checkpoint import newest_valid, publish, read_checkpoint
from zoo.engine.data import build_dataloader, start_epoch
from zoo.engine.rng import capture_rng, preserved_rng, restore_rng
from zoo.engine.runner import ZooRunner
from zoo.errors import CheckpointError, ConfigError, DataError, LaunchError, UnknownComponent, WorkDirError

torch.set_num_threads(1)


class Diary(Hook):
    priority = "LOWEST"

    def __init__(self):
        self.lines = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.lines.append(f"train {batch_idx}")

    def after_train_epoch(self, runner):
        self.lines.append("trained")

    def after_val_epoch(self, runner, metrics=None):
        self.lines.append("evaluated")

    def at_resumable_point(self, runner, *, epoch_ended, finished):
        self.lines.append(f"point {runner.epoch} {runner.iter}{' ended' * epoch_ended}{' finished' * finished}")


def diary(folder, **train_cfg):
    runner = ZooRunner.from_cfg(
        toy_config(folder, train_cfg={"max_epochs": 2, **train_cfg}, hooks={"checkpoint": None})
    )
    runner.register_hook(hook := Diary())
    runner.train()
    return hook.lines


class TestTheOrderOfStages:
    def test_evaluation_comes_before_the_epochs_resumable_point(self, tmp_path):
        lines = diary(tmp_path)
        assert lines[:3] == ["train 0", "point 0 1", "train 1"]
        assert lines[8:12] == ["train 4", "trained", "evaluated", "point 1 5 ended"]
        assert lines[-2:] == ["evaluated", "point 2 10 ended finished"]

    def test_evaluations_may_be_rarer_and_one_ends_the_run(self, tmp_path):
        lines = diary(tmp_path, max_epochs=3, val_interval=2)
        assert lines.count("evaluated") == 2
        assert lines[-2:] == ["evaluated", "point 3 15 ended finished"]

    def test_a_run_can_end_inside_an_epoch(self, tmp_path):
        assert diary(tmp_path, max_iters=7)[-3:] == ["train 1", "evaluated", "point 1 7 finished"]

    def test_a_run_cut_short_can_go_on_later(self, tmp_path):
        for iterations in (3, 7, None):
            train_cfg = {"max_epochs": 3, **({"max_iters": iterations} if iterations else {})}
            ZooRunner.from_cfg(toy_config(tmp_path / "parts", train_cfg=train_cfg, resume="auto")).train()
        ZooRunner.from_cfg(toy_config(tmp_path / "whole")).train()
        parts, whole = (read_checkpoint(newest_valid(tmp_path / name))["state_dict"] for name in ("parts", "whole"))
        assert all(torch.equal(parts[name], whole[name]) for name in whole)

    def test_evaluations_leave_no_trace_in_the_weights(self, tmp_path):
        weights = []
        for interval in (1, 3):
            runner = ZooRunner.from_cfg(
                toy_config(tmp_path / str(interval), train_cfg={"max_epochs": 3, "val_interval": interval})
            )
            weights.append(runner.train().head.weight.detach())
        assert torch.equal(*weights)

    def test_a_sampler_that_draws_less_than_it_says_is_no_endless_loop(self, tmp_path, monkeypatch):
        monkeypatch.setattr(ToySampler, "__iter__", lambda self: iter(range(8)))
        with pytest.raises(DataError, match="promised 5 batches an epoch and gave 2"):
            diary(tmp_path)

    def test_wrong_lengths(self, tmp_path):
        with pytest.raises(ConfigError, match="at least 1"):
            diary(tmp_path, max_epochs=0)


class TestDataLoaders:
    def config(self, **changes):
        return {
            "dataset": {"type": "ToyDataset"},
            "sampler": {"type": "ToySampler"},
            "collate_fn": {"type": "toy_collate"},
            "batch_size": 3,
        } | changes

    def ids(self, batches):
        return [[sample.sample_id for sample in batch["data_samples"]] for batch in batches]

    @pytest.mark.parametrize("workers", [0, 1])
    def test_an_epoch_is_taken_up_at_any_batch(self, workers):
        loader = build_dataloader(self.config(num_workers=workers, persistent_workers=workers > 0), seed=3)
        assert len(loader) == 7
        whole = self.ids(start_epoch(loader, seed=3, epoch=2))
        assert self.ids(start_epoch(loader, seed=3, epoch=2, skip=4)) == whole[4:]
        assert self.ids(start_epoch(loader, seed=3, epoch=2)) == whole
        assert self.ids(start_epoch(loader, seed=3, epoch=1)) != whole

    def test_whole_batches_of_a_sampler_without_ranks_are_dealt_out(self, monkeypatch):
        def batches(rank, world_size, skip=0):
            monkeypatch.setattr(data, "get_rank", lambda: rank)
            monkeypatch.setattr(data, "get_world_size", lambda: world_size)
            loader = build_dataloader(self.config(sampler={"type": "SequentialSampler"}), seed=3)
            found = self.ids(start_epoch(loader, seed=3, epoch=0, skip=skip))
            assert len(found) == len(loader) - skip
            return found

        whole = batches(0, 1)
        assert len(whole) == 7
        assert [batches(rank, 2) for rank in range(2)] == [whole[0::2], whole[1::2]]
        assert batches(1, 2, skip=1) == whole[3::2]
        assert batches(8, 9) == []

    def test_training_refuses_batches_that_ranks_may_get_unequally(self, tmp_path, monkeypatch):
        monkeypatch.setattr(data, "get_world_size", lambda: 2)
        config = toy_config(tmp_path)
        config["train_dataloader"]["sampler"] = {"type": "SequentialSampler"}
        with pytest.raises(ConfigError, match="SequentialSampler may give ranks unequal numbers of batches"):
            ZooRunner.from_cfg(config).train()

    def test_kept_workers_end_with_the_run(self, tmp_path):
        config = toy_config(tmp_path)
        for name in ("train_dataloader", "val_dataloader"):
            config[name] |= {"num_workers": 1, "persistent_workers": True}
        ZooRunner.from_cfg(config).train()
        assert multiprocessing.active_children() == []

    def test_without_workers_none_are_kept(self):
        loader = build_dataloader(self.config(num_workers=0, persistent_workers=True), seed=3)
        assert not loader.persistent_workers

    def test_a_loader_built_by_hand_is_taken_up_too(self):
        dataset = ToyDataset()
        loader = DataLoader(dataset, batch_size=3, sampler=ToySampler(dataset, 3), collate_fn=toy_collate)
        assert build_dataloader(loader, seed=0) is loader
        whole = self.ids(start_epoch(loader, seed=3, epoch=2))
        assert self.ids(start_epoch(loader, seed=3, epoch=2, skip=4)) == whole[4:]

    def test_iterating_draws_nothing_from_the_global_generators(self):
        before = capture_rng()
        list(start_epoch(build_dataloader(self.config(), seed=3), seed=3, epoch=0))
        assert torch.equal(capture_rng()["torch"], before["torch"])

    def test_mistakes(self):
        with pytest.raises(DataError, match="Not one batch: 2 samples, batch size 3, drop_last True"):
            build_dataloader(self.config(dataset={"type": "ToyDataset", "n": 2}, drop_last=True), seed=0)
        with pytest.raises(DataError, match="Not one batch: 0 samples"):
            build_dataloader(self.config(dataset={"type": "ToyDataset", "n": 0}), seed=0)
        with pytest.raises(ConfigError, match="needs a 'sampler'"):
            build_dataloader({"dataset": {"type": "ToyDataset"}}, seed=0)
        with pytest.raises(ConfigError, match="refuses"):
            build_dataloader(self.config(num_wokers=2), seed=0)
        with pytest.raises(UnknownComponent, match="ToySamplr"):
            build_dataloader(self.config(sampler={"type": "ToySamplr"}), seed=0)
        with pytest.raises(ConfigError, match="No collate function named 'x'"):
            build_dataloader(self.config(collate_fn={"type": "x"}), seed=0)


def test_random_states_come_back():
    def draw():
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    state = capture_rng()
    first = draw()
    restore_rng(state)
    assert draw() == first
    with preserved_rng():
        inside = draw()
    assert draw() == inside


class TestRunner:
    def test_val_and_test_of_published_weights(self, tmp_path):
        trained = ZooRunner.from_cfg(toy_config(tmp_path / "train"))
        trained.train()
        best = tmp_path / "train" / "best.pth"
        for name, path in (("pth", best), ("safetensors", publish(best, tmp_path / "best.safetensors"))):
            config = toy_config(tmp_path / name, load_from=str(path))
            config |= {f"test_{key}": config[f"val_{key}"] for key in ("dataloader", "cfg", "evaluator")}
            assert ZooRunner.from_cfg(config).val() == read_checkpoint(best)["metrics"]
            assert ZooRunner.from_cfg(config).test() == read_checkpoint(best)["metrics"]

    def test_training_from_weights_starts_at_the_beginning(self, tmp_path):
        ZooRunner.from_cfg(toy_config(tmp_path / "a")).train()
        best = str(tmp_path / "a" / "best.pth")
        runner = ZooRunner.from_cfg(toy_config(tmp_path / "b", load_from=best, train_cfg={"max_epochs": 1}))
        runner.load_or_resume()
        assert torch.equal(runner.bare_model.head.weight, read_checkpoint(best)["state_dict"]["head.weight"])
        runner.train()
        assert runner.iter == 5

    def test_trained_parts_are_fetched_by_a_run_that_starts_from_nothing_only(self, tmp_path, monkeypatch):
        fetched = []

        def fetch_weights(detector):
            fetched.append(len(fetched))
            torch.nn.init.constant_(detector.head.bias, 100.0)

        monkeypatch.setattr(ToyDetector, "fetch_weights", fetch_weights, raising=False)
        runner = ZooRunner.from_cfg(toy_config(tmp_path / "a", train_cfg={"max_epochs": 1}))
        runner.train()
        assert fetched == [0]
        assert runner.bare_model.head.bias > 90
        runner.val()
        ZooRunner.from_cfg(toy_config(tmp_path / "a", train_cfg={"max_epochs": 2}, resume="auto")).train()
        best = str(tmp_path / "a" / "best.pth")
        ZooRunner.from_cfg(toy_config(tmp_path / "b", load_from=best, train_cfg={"max_epochs": 1})).train()
        assert fetched == [0]

    def test_weights_of_another_model_are_refused(self, tmp_path):
        ZooRunner.from_cfg(toy_config(tmp_path)).train()
        config = toy_config(tmp_path, load_from=str(tmp_path / "best.pth"), model={"type": "ToyDetector", "width": 9})
        with pytest.raises(CheckpointError, match=r"layers\.0\.weight is \[8, 4\] and should be \[9, 4\]"):
            ZooRunner.from_cfg(config).val()

    def test_the_config_is_left_alone_and_written_down(self, tmp_path):
        config = toy_config(tmp_path)
        ZooRunner.from_cfg(config)
        assert config == toy_config(tmp_path)
        assert "ToyDetector" in (tmp_path / "config.py").read_text()

    def test_runners_built_in_one_second_do_not_share(self, tmp_path):
        first, second = (ZooRunner.from_cfg(toy_config(tmp_path)) for _ in range(2))
        assert first.message_hub is not second.message_hub
        assert first.log_dir != second.log_dir

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(WorkDirError, match="Cannot make"):
            ZooRunner.from_cfg(toy_config(tmp_path / "file" / "work"))

    def test_a_launcher_without_a_process_group(self, tmp_path):
        with pytest.raises(LaunchError, match="no process group"):
            ZooRunner.from_cfg(toy_config(tmp_path, launcher="pytorch"))

    def test_nothing_to_train(self, tmp_path):
        runner = ZooRunner.from_cfg({"model": {"type": "ToyDetector"}, "work_dir": str(tmp_path)})
        with pytest.raises(ConfigError, match="train_dataloader"):
            runner.train()

    def test_hooks_are_released_however_training_ends(self, tmp_path):
        class Release(Hook):
            released = False

            def before_train(self, runner):
                raise RuntimeError("on purpose")

            def after_run(self, runner):
                self.released = True

        runner = ZooRunner.from_cfg(toy_config(tmp_path))
        runner.register_hook(hook := Release())
        with pytest.raises(RuntimeError, match="on purpose"):
            runner.train()
        assert hook.released and not runner.is_training

    def test_fused_is_the_default_and_can_be_refused(self, tmp_path):
        runner = ZooRunner.from_cfg(toy_config(tmp_path))
        assert runner.build_optim_wrapper(runner.optim_wrapper).optimizer.defaults["fused"] is True
        plain = {"optimizer": {"type": "AdamW", "lr": 0.1, "foreach": True}}
        assert runner.build_optim_wrapper(plain).optimizer.defaults["fused"] is None

    def test_activation_checkpointing_gives_the_same_weights(self, tmp_path):
        weights = []
        for name, extra in (("plain", []), ("less", [{"type": "ActivationCheckpointing", "modules": ["layers"]}])):
            runner = ZooRunner.from_cfg(toy_config(tmp_path / name, custom_hooks=extra, max_epochs=1))
            weights.append(runner.train().head.weight.detach())
        assert torch.equal(*weights)


def test_histories_stay_short(tmp_path):
    runner = ZooRunner.from_cfg(toy_config(tmp_path))
    hub = runner.message_hub
    for n in range(HISTORY_LENGTH + 5):
        hub.update_scalar("train/x", n)
    history = hub.get_scalar("train/x")
    assert isinstance(history, HistoryBuffer)
    values = history.data[0].tolist()
    assert len(values) == HISTORY_LENGTH and values[-1] == HISTORY_LENGTH + 4
    assert all(after - before == 1 for before, after in pairwise(values))
    assert MessageHub.get_current_instance() is hub
