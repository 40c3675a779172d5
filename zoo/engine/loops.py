"""The order of a run's stages: training by epochs, evaluation while training, testing.

Beside mmengine's stages the training loop calls ``at_resumable_point(runner, epoch_ended=..., finished=...)`` on every
hook that has it: after each batch and after each epoch's evaluation, whenever the state is complete. The counters then
point at the next batch, and no gradient is pending. Checkpoints are written there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from zoo.engine.data import build_dataloader, start_epoch
from zoo.engine.precision import autocast_to, resolve_precision
from zoo.engine.rng import preserved_rng, restore_rng
from zoo.errors import CheckpointError, ConfigError, DataError
from zoo.registry import build


class EpochTrainLoop(BaseLoop):
    """Train for ``max_epochs``, evaluating every ``val_interval`` epochs and at the end.

    An epoch's evaluation comes before its resumable point, so that its checkpoint knows its figures.

    Args:
        runner: the runner.
        dataloader: the data loader, or its config.
        max_epochs: epochs in all.
        val_interval: epochs between evaluations.
        max_iters: stop after so many iterations though epochs are left, for a smoke run.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | Mapping[str, Any],
        max_epochs: int,
        val_interval: int = 1,
        max_iters: int | None = None,
    ) -> None:
        if max_epochs < 1 or val_interval < 1 or (max_iters is not None and max_iters < 1):
            raise ConfigError("max_epochs, val_interval and max_iters must be at least 1.", where="train_cfg")
        super().__init__(runner, build_dataloader(dataloader, seed=runner.seed))
        if getattr(self.dataloader.batch_sampler, "deals", False):
            raise ConfigError(
                f"{type(self.dataloader.batch_sampler.sampler).__name__} may give ranks unequal numbers of batches.",
                where="train_dataloader.sampler",
                next_step="Train on several ranks with EpochSampler or MixSampler.",
            )
        self.max_epochs = max_epochs
        self.val_interval = val_interval
        self.epoch_length = len(self.dataloader)
        full = max_epochs * self.epoch_length
        self.max_iters = full if max_iters is None else min(max_iters, full)
        self.epoch = 0
        self.iter = 0
        self.batches_done = 0
        self.stop_training = False
        self.rng_to_restore: Mapping[str, Any] | None = None

    @property
    def finished(self) -> bool:
        return self.stop_training or self.iter >= self.max_iters

    def run(self) -> torch.nn.Module:
        """Train to the end, from wherever the counters stand."""
        runner = self.runner
        runner.optim_wrapper.epoch_length = self.epoch_length
        runner.optim_wrapper.initialize_count_status(runner.model, self.iter, self.max_iters)
        runner.call_hook("before_train")
        while not self.finished:
            self._run_epoch()
        runner.call_hook("after_train")
        return runner.model

    def state_dict(self) -> dict[str, Any]:
        """Where training stands, and the order of data that this position belongs to."""
        return {
            "epoch": self.epoch,
            "iter": self.iter,
            "batches_done": self.batches_done,
            "epoch_length": self.epoch_length,
            "world_size": self.runner.world_size,
            "seed": self.runner.seed,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to the position in ``state``.

        Raises:
            CheckpointError: it lies inside an epoch whose order of data is another now.
        """
        layout = {key: state[key] for key in ("epoch_length", "world_size")}
        if layout != (now := {"epoch_length": self.epoch_length, "world_size": self.runner.world_size}):
            if state["batches_done"]:
                raise CheckpointError(
                    f"The checkpoint lies inside an epoch of another order of data: {layout}, now {now}.",
                    next_step="Resume with the same data, batch size and number of processes, or from an epoch's end.",
                )
            self.runner.logger.warning(f"Data, batch size or number of processes changed: {layout}, now {now}.")
        self.epoch, self.batches_done = state["epoch"], state["batches_done"]
        self.iter = self.epoch * self.epoch_length + self.batches_done

    def _run_epoch(self) -> None:
        runner = self.runner
        runner.call_hook("before_train_epoch")
        runner.model.train()
        batches = start_epoch(self.dataloader, seed=runner.seed, epoch=self.epoch, skip=self.batches_done)
        if self.rng_to_restore is not None:
            restore_rng(self.rng_to_restore)
            self.rng_to_restore = None
        for batch in batches:
            self._run_iter(batch)
            if self.finished or self.batches_done == self.epoch_length:
                break
            self._offer_resumable_point()
        else:
            raise DataError(
                f"The sampler promised {self.epoch_length} batches an epoch and gave {self.batches_done}.",
                where=type(getattr(self.dataloader.batch_sampler, "sampler", self.dataloader)).__name__,
                next_step="The length of the sampler must be the number of samples it draws.",
            )
        if epoch_ended := self.batches_done == self.epoch_length:
            runner.call_hook("after_train_epoch")
            self.epoch += 1
            self.batches_done = 0
        if runner.val_loop is not None and (self.finished or (epoch_ended and self.epoch % self.val_interval == 0)):
            runner.val_loop.run()
        self._offer_resumable_point(epoch_ended=epoch_ended)

    def _run_iter(self, batch: Any) -> None:
        runner = self.runner
        runner.call_hook("before_train_iter", batch_idx=self.batches_done, data_batch=batch)
        losses = runner.model.train_step(batch, optim_wrapper=runner.optim_wrapper)
        runner.call_hook("after_train_iter", batch_idx=self.batches_done, data_batch=batch, outputs=losses)
        self.iter += 1
        self.batches_done += 1

    def _offer_resumable_point(self, *, epoch_ended: bool = False) -> None:
        if self.runner.optim_wrapper.should_update():
            self.runner.call_hook("at_resumable_point", epoch_ended=epoch_ended, finished=self.finished)


class _Evaluation(BaseLoop):
    """One pass over a data loader; draws nothing from the global generators, however the model or a metric does."""

    stage = ""

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | Mapping[str, Any],
        evaluator: Evaluator | Mapping[str, Any] | Sequence[Any],
        precision: str = "fp32",
    ) -> None:
        super().__init__(runner, build_dataloader(dataloader, seed=runner.seed))
        self.precision = precision
        if not isinstance(evaluator, Evaluator):
            metrics = [evaluator] if isinstance(evaluator, Mapping) else evaluator
            evaluator = Evaluator([build("metric", metric) for metric in metrics])
        self.evaluator = evaluator

    def run(self) -> dict[str, float]:
        """The figures of the model as it is now, recorded in the message hub as ``<stage>/<name>``."""
        with preserved_rng():
            return self._run()

    def _run(self) -> dict[str, float]:
        runner, stage = self.runner, self.stage
        device_type = next(runner.bare_model.parameters()).device.type
        precision = resolve_precision(self.precision, device_type)
        runner.call_hook(f"before_{stage}")
        runner.call_hook(f"before_{stage}_epoch")
        training = runner.model.training
        runner.model.eval()
        step = getattr(runner.model, f"{stage}_step")
        for index, batch in enumerate(start_epoch(self.dataloader, seed=runner.seed, epoch=0)):
            runner.call_hook(f"before_{stage}_iter", batch_idx=index, data_batch=batch)
            with torch.inference_mode(), autocast_to(precision, device_type):
                samples = step(batch)
            self.evaluator.process(data_samples=samples, data_batch=batch)
            runner.call_hook(f"after_{stage}_iter", batch_idx=index, data_batch=batch, outputs=samples)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        runner.last_metrics = metrics
        for name, value in metrics.items():
            if isinstance(value, int | float):
                runner.message_hub.update_scalar(f"{stage}/{name}", value)
        runner.call_hook(f"after_{stage}_epoch", metrics=metrics)
        runner.call_hook(f"after_{stage}")
        runner.model.train(training)
        return metrics


class EvaluationLoop(_Evaluation):
    """Evaluate on the validation data.

    Args:
        runner: the runner.
        dataloader: the data loader, or its config.
        evaluator: metrics, their configs, or mmengine's ``Evaluator``.
        precision: ``fp32`` unless another is asked for, however the model was trained, so that figures do not depend
            on the machine; ``bf16``, ``fp16`` or ``auto``.
    """

    stage = "val"


class TestingLoop(_Evaluation):
    """Evaluate on the test data.

    Args:
        runner: the runner.
        dataloader: the data loader, or its config.
        evaluator: metrics, their configs, or mmengine's ``Evaluator``.
        precision: ``fp32`` unless another is asked for, however the model was trained, so that figures do not depend
            on the machine; ``bf16``, ``fp16`` or ``auto``.
    """

    stage = "test"
    __test__ = False  # no test case, whatever pytest makes of the name
