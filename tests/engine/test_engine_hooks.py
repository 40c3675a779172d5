import json
import math
import os
import signal
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from mmengine.hooks import Hook
from toy_parts import ToyMetric, toy_config

from zoo.detectors.base import CALLS
from zoo.engine.checkpoint import newest_valid, read_checkpoint, read_published, training_checkpoints
from zoo.engine.hooks.figure_of_merit import FigureOfMerit
from zoo.engine.hooks.pictures import EvaluationPictures, evaluation_figures, to_picture
from zoo.engine.hooks.summary import _loss
from zoo.engine.launch import PREEMPTED
from zoo.engine.runner import ZooRunner
from zoo.errors import ConfigError, TrainingError

torch.set_num_threads(1)

FIGURES = ("accuracy", "macro_f1")


def scripted(monkeypatch, figures):
    """Evaluations give ``figures`` one after the other, under ``video/auc``."""
    remaining = iter(figures)
    monkeypatch.setattr(ToyMetric, "compute_metrics", lambda self, results: {"auc": next(remaining)})


def train(folder, hooks, **changes):
    runner = ZooRunner.from_cfg(toy_config(folder, hooks=hooks, **changes))
    runner.train()
    return runner


def names(folder, pattern):
    return sorted(path.name for path in folder.glob(pattern) if path.suffix == ".pth")


def save(**options):
    return {"checkpoint": {"type": "SaveCheckpoint", "save_best": "video/auc", **options}}


class TestSaveCheckpoint:
    def test_last_best_and_top_k(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.9, math.nan, 0.7, 0.9])
        train(tmp_path, save(keep_best=2, keep_last=3), max_epochs=5)
        assert names(tmp_path, "epoch_*") == [f"epoch_{n:04d}_iter_{n * 5:08d}.pth" for n in (3, 4, 5)]
        assert names(tmp_path, "best*") == ["best.pth", "best_epoch_0002.pth", "best_epoch_0005.pth"]
        best = read_published(tmp_path / "best.pth")
        assert (best["epoch"], best["metrics"]) == (2, {"video/auc": 0.9})
        assert best["provenance"]["corpus"] == "toy"
        assert best["architecture"] == {"type": "ToyDetector"}
        assert (tmp_path / "last_checkpoint").read_text() == "epoch_0005_iter_00000025.pth\n"

    def test_less_can_be_better(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.2, 0.3])
        train(tmp_path, save(rule="less"))
        assert read_published(tmp_path / "best.pth")["epoch"] == 2

    def test_epochs_and_iterations_as_intervals(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.2, 0.3])
        train(tmp_path, save(interval=2, interval_iters=4, keep_last=99))
        assert [int(path.stem[-8:]) for path in training_checkpoints(tmp_path)] == [4, 8, 10, 12, 15]

    def test_checkpoints_wait_for_the_end_of_an_accumulation_window(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.2, 0.3])
        wrapper = {"optimizer": {"type": "SGD", "lr": 0.1}, "accumulative_counts": 2}
        train(tmp_path, save(interval_iters=3, keep_last=99), optim_wrapper=wrapper)
        assert [int(path.stem[-8:]) for path in training_checkpoints(tmp_path)] == [4, 5, 7, 9, 10, 12, 15]

    def test_a_wrong_name_is_told_with_the_right_ones(self, tmp_path):
        with pytest.raises(ConfigError, match=r"no 'video/acuracy'.*'video/accuracy'"):
            train(tmp_path, {"checkpoint": {"type": "SaveCheckpoint", "save_best": "video/acuracy"}})

    def test_no_metrics_and_no_evaluation_are_fine(self, tmp_path, monkeypatch):
        monkeypatch.setattr(ToyMetric, "compute_metrics", lambda self, results: {})
        train(tmp_path / "none", save())
        assert names(tmp_path / "none", "best*") == []
        without = toy_config(tmp_path / "without", hooks=save())
        for key in ("val_dataloader", "val_cfg", "val_evaluator"):
            del without[key]
        ZooRunner.from_cfg(without).train()
        assert len(training_checkpoints(tmp_path / "without")) == 2

    def test_the_contents_serve_whoever_reads_them(self, tmp_path):
        train(tmp_path, {})
        state = read_checkpoint(newest_valid(tmp_path))
        assert not any(name.startswith("module.") for name in state["state_dict"])
        assert state["meta"]["epoch"] == 3 and state["meta"]["iter"] == 15 and state["meta"]["seed"] == 7
        assert "video/accuracy" in state["meta"]["metrics"]
        assert "ToyDetector" in state["meta"]["config"]
        assert state["optimizer"]["param_groups"][0]["fused"] is True
        assert len(state["message_hub"]["val/video/accuracy"]["values"]) == 3
        assert len(state["message_hub"]["train/epoch_loss"]["values"]) == 3
        assert len(state["message_hub"]["train/loss_bce"]["values"]) == 5


class TestEarlyStopping:
    hooks = {"early": {"type": "EarlyStopping", "monitor": "video/auc", "patience": 2}, **save()}  # noqa: RUF012

    def test_it_stops_after_patience_evaluations_and_stays_stopped(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.505, 0.5, math.nan, 0.9])
        assert train(tmp_path, self.hooks, max_epochs=9).epoch == 4
        assert train(tmp_path, self.hooks, max_epochs=9, resume="auto").epoch == 4

    def test_its_count_survives_a_resume(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.4, 0.3, 0.2])
        train(tmp_path, self.hooks, max_epochs=9, train_cfg={"max_epochs": 9, "max_iters": 10})
        assert train(tmp_path, self.hooks, max_epochs=9, resume="auto").epoch == 3

    def test_min_delta(self, tmp_path, monkeypatch):
        scripted(monkeypatch, [0.5, 0.505, 0.507])
        hooks = {**self.hooks, "early": {**self.hooks["early"], "min_delta": 0.01}}
        assert train(tmp_path, hooks, max_epochs=9).epoch == 3


def test_figures_of_merit():
    merit = FigureOfMerit("auc", "greater")
    assert merit.of({}) is None and merit.of({"auc": math.inf}) is None and merit.of({"auc": 1}) == 1.0
    assert merit.better(0.2, None) and not merit.better(0.2, 0.2) and not merit.better(math.nan, 0.2)
    with pytest.raises(ConfigError, match="'greater' or 'less'"):
        FigureOfMerit("auc", "max")


class TestExponentialMovingAverage:
    def test_it_averages_is_evaluated_and_published(self, tmp_path):
        seen = []

        class Watch(Hook):
            priority = "LOWEST"

            def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                seen.append(runner.bare_model.head.weight.detach().clone())

            def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                self.evaluated = runner.bare_model.head.weight.detach().clone()

        watch = Watch()
        hooks = {"ema": {"type": "ExponentialMovingAverage", "decay": 0.5}}
        runner = ZooRunner.from_cfg(toy_config(tmp_path, hooks=hooks))
        start = runner.bare_model.head.weight.detach().clone()
        runner.register_hook(watch)
        runner.train()
        average = start
        for n, weight in enumerate(seen, start=1):
            decay = min(0.5, (1 + n) / (10 + n))
            average = decay * average + (1 - decay) * weight
        torch.testing.assert_close(watch.evaluated, average)
        assert torch.equal(runner.bare_model.head.weight, seen[-1])
        state = read_checkpoint(newest_valid(tmp_path))
        torch.testing.assert_close(state["ema_state_dict"]["head.weight"], average)
        assert torch.equal(state["state_dict"]["head.weight"], seen[-1])
        published = read_published(newest_valid(tmp_path))["state_dict"]
        assert torch.equal(published["head.weight"], state["ema_state_dict"]["head.weight"])
        assert torch.equal(published["layers.1.running_mean"], state["state_dict"]["layers.1.running_mean"])


class TestNonFiniteGuard:
    def test_it_stops_and_keeps_the_batch(self, tmp_path):
        runner = ZooRunner.from_cfg(
            toy_config(tmp_path, hooks={"guard": {"type": "NonFiniteGuard"}}, model={"type": "ToyDetector"})
        )
        runner.bare_model.poison_from = (7,)
        with pytest.raises(TrainingError, match="nan at iteration 7"):
            runner.train()
        dump = torch.load(tmp_path / "nonfinite" / "iter_00000007_rank0.pth", weights_only=True)
        assert dump["batch"]["inputs"].shape == (4, 4)
        assert {sample["label"] for sample in dump["batch"]["data_samples"]} <= {0, 1}
        state = read_checkpoint(newest_valid(tmp_path))
        assert state["meta"]["iter"] == 5
        assert all(torch.isfinite(tensor).all() for tensor in state["state_dict"].values())

    def test_it_leaves_out_as_many_updates_as_allowed(self, tmp_path):
        hooks = {"guard": {"type": "NonFiniteGuard", "max_skips": 2}}
        runner = ZooRunner.from_cfg(toy_config(tmp_path, hooks=hooks))
        runner.bare_model.poison_from = (2, 9)
        runner.train()
        state = read_checkpoint(newest_valid(tmp_path))
        assert state["ranks"][0]["hooks"]["NonFiniteGuard"] == {"skips": 2}
        assert state["optimizer"]["state"][0]["step"].item() == 13
        assert all(torch.isfinite(tensor).all() for tensor in state["state_dict"].values())

    def test_without_it_the_weights_are_lost(self, tmp_path):
        runner = ZooRunner.from_cfg(toy_config(tmp_path))
        runner.bare_model.poison_from = (2,)
        runner.train()
        assert not torch.isfinite(runner.bare_model.head.weight).any()


class TestSignalHandler:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
    def test_a_signal_ends_the_run_at_the_next_step(self, tmp_path, number):
        class Send(Hook):
            def before_train_iter(self, runner, batch_idx, data_batch=None):
                if runner.iter == 6:
                    os.kill(os.getpid(), number)

        before = signal.getsignal(number)
        runner = ZooRunner.from_cfg(toy_config(tmp_path, hooks={"signals": {"type": "SignalHandler"}}))
        runner.register_hook(Send())
        with pytest.raises(SystemExit) as left:
            runner.train()
        assert left.value.code == PREEMPTED == 75
        assert signal.getsignal(number) == before
        assert newest_valid(tmp_path).name == "epoch_0001_iter_00000007.pth"
        straight, resumed = tmp_path / "straight", tmp_path
        train(straight, {"signals": {"type": "SignalHandler"}})
        train(resumed, {"signals": {"type": "SignalHandler"}}, resume="auto")
        left, right = (read_checkpoint(newest_valid(folder))["state_dict"] for folder in (straight, resumed))
        assert all(torch.equal(left[name], right[name]) for name in left)


VISUALIZER = {
    "type": "Visualizer",
    "vis_backends": [{"type": "LocalVisBackend"}, {"type": "TensorboardVisBackend"}],
}


class TestWhatUsersSee:
    def test_curves_and_pictures(self, tmp_path, monkeypatch):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        def keep_table(self, results):
            self.table = pa.table({"label": [0, 1, 0, None], "score": [0.1, 0.8, None, 0.5]})
            return {"auc": 1.0}

        monkeypatch.setattr(ToyMetric, "compute_metrics", keep_table)
        hooks = {"pictures": {"type": "EvaluationPictures"}, "monitor": {"type": "TrainingMonitor", "interval": 5}}
        train(tmp_path, hooks | save(), visualizer=VISUALIZER)
        events = EventAccumulator(str(next(tmp_path.glob("*/vis_data"))))
        events.Reload()
        scalars = set(events.Tags()["scalars"])
        wanted = {"loss", "loss_bce", "logit_mean", "lr", "grad_norm"}
        assert {f"train/{name}" for name in wanted} <= scalars
        assert {"time/samples_per_s", "time/data_share", "val/video/auc"} <= scalars
        assert [item.step for item in events.Scalars("train/loss")] == [5, 10, 15]
        assert {"val/roc", "val/scores"} <= set(events.Tags()["images"])
        hub = read_checkpoint(newest_valid(tmp_path))["message_hub"]
        assert hub["train/loss"]["values"] == [
            pytest.approx(item.value, rel=1e-5) for item in events.Scalars("train/loss")
        ]

    def test_pictures_of_one_class(self):
        figures = evaluation_figures(np.zeros(3, int), np.array([0.1, 0.2, 0.9]))
        assert list(figures) == ["scores"]
        picture = to_picture(figures["scores"])
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.std() > 0

    def test_tables_of_segments_give_no_pictures(self):
        drawn = []
        segments = SimpleNamespace(table=pa.table({"role": ["truth"], "score": [1.0]}))
        scores = SimpleNamespace(table=pa.table({"label": [0, 1], "score": [0.1, 0.8]}))
        runner = SimpleNamespace(
            rank=0,
            is_training=True,
            iter=3,
            val_evaluator=SimpleNamespace(metrics=[segments, scores]),
            visualizer=SimpleNamespace(add_image=lambda name, image, step: drawn.append((name, step))),
        )
        EvaluationPictures().after_val_epoch(runner)
        assert drawn == [("val/roc", 3), ("val/scores", 3)]

    def test_summary_and_lines(self, tmp_path, capsys):
        hooks = {"summary": {"type": "RunSummary"}, "report": {"type": "ProgressReport", "metrics": ["video/accuracy"]}}
        train(tmp_path, hooks)
        text = capsys.readouterr().out
        for part in ("ToyDetector, 65 parameters", "AdamW, lr 0.05", "clipped to 1", "LinearLR + CosineAnnealingLR"):
            assert part in text
        assert "20 samples, 10 real, 10 fake" in text and "fp32 on cpu" in text
        lines = [line for line in text.splitlines() if line.startswith("epoch ")]
        assert len(lines) == 3
        assert lines[0].startswith("epoch 1/3  loss 0.") and "video/accuracy 0." in lines[0]
        assert "best video/accuracy" in text and "best.pth" in text
        log = next(tmp_path.glob("*/*.log")).read_text()
        assert lines[2] in log

    def test_a_combined_loss_in_the_summary(self):
        terms = {"bce": {"type": "BinaryCrossEntropyLoss", "label_smoothing": 0.1}, "nce": {"type": "InfoNCELoss"}}
        model = {"type": "X", "loss": {"type": "CombinedLoss", "terms": terms, "weights": {"nce": 0.5}}}
        assert _loss(model) == "1 BinaryCrossEntropyLoss (label_smoothing 0.1) + 0.5 InfoNCELoss"
        assert _loss({"type": "X"}) == "as the model defines"

    def test_long_epochs_tell_where_they_are(self, tmp_path, capsys):
        train(tmp_path, {"report": {"type": "ProgressReport", "every_s": 0.0}}, max_epochs=1)
        assert "epoch 1/1  3/5  loss 0." in capsys.readouterr().out

    def test_a_bar_on_a_terminal(self, tmp_path, capsys):
        from rich.console import Console

        runner = ZooRunner.from_cfg(toy_config(tmp_path, hooks={"report": {"type": "ProgressReport"}}))
        runner.console = Console(force_terminal=True, width=100)
        runner.train()
        assert "epoch 1/3" in capsys.readouterr().out

    def test_the_mean_loss_of_an_epoch_is_the_mean(self, tmp_path):
        losses = []

        class Watch(Hook):
            def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                losses.append(outputs["loss"].item())

        runner = ZooRunner.from_cfg(toy_config(tmp_path))
        runner.register_hook(Watch())
        runner.train()
        means = runner.message_hub.get_scalar("train/epoch_loss").data[0]
        np.testing.assert_allclose(means, np.array(losses).reshape(3, 5).mean(1), rtol=1e-6)
        assert json.dumps(means.tolist())

    def test_the_calls_of_an_epoch_become_its_accuracy_and_macro_f1(self, tmp_path, capsys):
        cells = []

        class Watch(Hook):
            def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                cells.append([outputs[name].item() * 4 for name in CALLS])

        runner = ZooRunner.from_cfg(toy_config(tmp_path, hooks={"report": {"type": "ProgressReport"}}))
        runner.register_hook(Watch())
        runner.train()
        counts = np.array(cells).reshape(3, 5, 4).sum(1)
        assert (counts.sum(1) == 20).all()
        for epoch, (tn, fp, fn, tp) in enumerate(counts):
            f1 = (2 * tn / (2 * tn + fp + fn) + 2 * tp / (2 * tp + fp + fn)) / 2
            told = {name: runner.message_hub.get_scalar(f"train/epoch_{name}").data[0][epoch] for name in FIGURES}
            assert told == pytest.approx({"accuracy": (tn + tp) / 20, "macro_f1": f1})
        assert f"acc {told['accuracy']:.4f}  f1 {told['macro_f1']:.4f}" in capsys.readouterr().out
