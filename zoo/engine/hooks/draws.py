"""How often each corpus, class and method is drawn: announced before training, and counted in every epoch."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from rich.table import Table

from zoo.datasets.cells import CellName
from zoo.datasets.samplers.mix import MixSampler
from zoo.engine.data import sampler_of
from zoo.structures import LABEL_NAMES


class DrawCounts(Hook):
    """Show the exact draws of an epoch by corpus, class and method, and compare them with what each epoch brought.

    The announcement is of training with a `MixSampler`, and knows of batches that are dropped. What the batches held
    is counted over all ranks and logged after every epoch, whatever the sampler; that of an epoch that was resumed in
    its middle is what came after.
    """

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, int | None, str]] = Counter()
        self._first = 0

    def before_train(self, runner: Any) -> None:
        loop = runner.train_loop
        if (counts := announced_draws(loop.dataloader, loop.epoch_length)) is None:
            return
        available = Counter({name: len(members) for name, members in sampler_of(loop.dataloader).cells})
        runner.console.print(draws_table(counts, available))
        runner.logger.info(f"draws an epoch: {listing(counts)}")

    def before_train_epoch(self, runner: Any) -> None:
        loop = runner.train_loop
        self._seen.clear()
        self._first = loop.batches_done

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        samples = data_batch.get("data_samples") if isinstance(data_batch, dict) else None
        self._seen.update([(sample.corpus, sample.label, sample.method) for sample in samples or ()])

    def after_train_epoch(self, runner: Any) -> None:
        loop = runner.train_loop
        seen: Counter[CellName] = Counter()
        for counted in all_gather_object(dict(self._seen)):
            for (corpus, label, method), count in counted.items():
                seen[CellName(corpus, "unknown" if label is None else LABEL_NAMES[label], method)] += count
        if not seen:
            return
        which = f"epoch {loop.epoch + 1}" + (f" from batch {self._first + 1} on" if self._first else "")
        announced = announced_draws(loop.dataloader, loop.epoch_length, first=self._first)
        if announced is None:
            runner.logger.info(f"{which} drew {listing(seen)}")
        elif announced == seen:
            runner.logger.info(f"{which} drew what was announced: {listing(seen)}")
        else:
            differences = [
                f"{name} {seen[name]:,} in place of {announced[name]:,}"
                for name in sorted({*seen, *announced})
                if seen[name] != announced[name]
            ]
            runner.logger.warning(f"{which} did not draw what was announced: {', '.join(differences)}")


def announced_draws(loader: Any, batches: int, *, first: int = 0) -> Counter[CellName] | None:
    """Draws of each cell over all ranks in ``batches`` of an epoch from the ``first`` on; None without a mixer."""
    sampler = sampler_of(loader)
    if not isinstance(sampler, MixSampler):
        return None
    width = loader.batch_sampler.batch_size * sampler.world_size
    draws = sampler.draws_before(batches * width) - sampler.draws_before(first * width)
    return Counter(dict(zip(sampler.cells.names, draws.tolist(), strict=True)))


def draws_table(draws: Counter[CellName], available: Counter[CellName]) -> Table:
    """One row a cell: its name, its draws, their share, and how often each of its samples is drawn."""
    total = draws.total()
    table = Table("corpus", "class", "method", title="draws an epoch", title_justify="left")
    for heading in ("draws", "share", "samples", "times"):
        table.add_column(heading, justify="right")
    for name, size in available.items():
        count = draws[name]
        table.add_row(*name, f"{count:,}", f"{count / total:.1%}", f"{size:,}", f"{count / size:.3g}")
    table.add_section()
    size = available.total()
    table.add_row("all", "", "", f"{total:,}", "", f"{size:,}", f"{total / size:.3g}")
    return table


def listing(draws: Counter[CellName]) -> str:
    """``draws`` in one line, their sum first."""
    return f"{draws.total():,} ({', '.join(f'{name} {count:,}' for name, count in sorted(draws.items()))})"
