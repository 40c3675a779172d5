"""Data loaders whose order can be taken up again in mid-epoch and which draw nothing from the global generators."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from torch.utils.data import BatchSampler, DataLoader, Sampler

from zoo._compat import keep_errors_whole
from zoo.datasets.samplers.base import RankedSampler
from zoo.engine.plain import plain
from zoo.engine.rng import preserved_rng
from zoo.errors import ConfigError, DataError
from zoo.registry import REGISTRIES, build


class ResumableBatches(Sampler[list[int]]):
    """The batches of ``batch_sampler`` for this rank, of which the next pass leaves out the first ``skip``.

    A sampler that knows of ranks (it has a ``world_size``) gives each its own samples. Of any other, every rank sees
    the same batches, and takes one in ``world_size`` of them. A `RankedSampler` goes to any batch at no cost, and gives
    a dataset that reads whole batches (``__getitems__``) the indices as int64 [b]; other samplers are drawn from.
    """

    def __init__(self, batch_sampler: BatchSampler) -> None:
        self.batch_sampler = batch_sampler
        self.sampler = batch_sampler.sampler
        self.batch_size = batch_sampler.batch_size
        self.drop_last = batch_sampler.drop_last
        self.skip = 0
        by_chunks = type(batch_sampler) is BatchSampler and isinstance(self.sampler, RankedSampler)
        self.ranked: RankedSampler | None = self.sampler if by_chunks else None  # type: ignore[assignment]
        self.deals = get_world_size() > 1 and not hasattr(self.sampler, "world_size")
        self.first: int = get_rank() if self.deals else 0
        self.step: int = get_world_size() if self.deals else 1

    def __iter__(self) -> Iterator[Any]:
        skip, self.skip = self.skip, 0
        if self.ranked is not None:
            batches = _batches(self.ranked.chunks(skip * self.batch_size), self.batch_size, drop_last=self.drop_last)
            return batches if hasattr(self.ranked.dataset, "__getitems__") else (batch.tolist() for batch in batches)
        return islice(iter(self.batch_sampler), self.first + skip * self.step, None, self.step)

    def __len__(self) -> int:
        return len(range(self.first, len(self.batch_sampler), self.step))


def build_dataloader(config: DataLoader | Mapping[str, Any], *, seed: int) -> DataLoader:
    """Build a data loader from ``dataset``, ``sampler``, ``collate_fn`` and the arguments of torch's ``DataLoader``.

    Raises:
        ConfigError: an argument is missing or refused.
        DataError: there is not a single batch, or other ranks have other data.
    """
    if isinstance(config, DataLoader):
        return config
    options = dict(config)
    if not options.get("num_workers"):
        options.pop("persistent_workers", None)  # so that an override of num_workers alone is enough
    for key in ("dataset", "sampler"):
        if key not in options:
            raise ConfigError(
                f"A data loader needs a {key!r}; it has {sorted(options)}.", next_step=f"Run: zoo list {key}"
            )
    dataset = build("dataset", options.pop("dataset"))
    require_same_data(dataset)
    sampler = build("sampler", options.pop("sampler"), dataset=dataset, seed=seed)
    batch = {
        "sampler": sampler,
        "batch_size": options.pop("batch_size", 1),
        "drop_last": options.pop("drop_last", False),
    }
    custom = options.pop("batch_sampler", None)
    batches = ResumableBatches(BatchSampler(**batch) if custom is None else build("sampler", custom, **batch))
    if len(batches.batch_sampler) == 0:
        raise DataError(
            f"Not one batch: {len(dataset)} samples, batch size {batches.batch_size}, drop_last {batches.drop_last}.",
            where=type(dataset).__name__,
            next_step="Check the split and the data root, or take a smaller batch_size.",
        )
    try:
        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=_collate(options.pop("collate_fn", {"type": "pseudo_collate"})),
            worker_init_fn=_prepare_worker,
            generator=torch.Generator(),
            **options,
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The data loader refuses its arguments: {error}", where=sorted(options)) from error


def provenance_of(dataset: Any) -> dict[str, Any]:
    """What a dataset says of its origin, as plain values; empty for one that says nothing."""
    told = getattr(dataset, "provenance", {})
    return plain(told() if callable(told) else told)


def require_same_data(dataset: Any) -> None:
    """Check that ``dataset`` is of one origin and one split on all ranks. All of them call this.

    Raises:
        DataError: on every rank, if it is not.
    """
    if get_world_size() == 1:
        return
    told = all_gather_object(provenance_of(dataset))
    for rank, other in enumerate(told):
        if keys := sorted(key for key in {*told[0], *other} if told[0].get(key) != other.get(key)):
            raise DataError(
                f"Ranks 0 and {rank} read different data, which differ in {', '.join(keys)}.",
                where=type(dataset).__name__,
                next_step="Give all nodes the same files under the data root, and one seed for splits.",
            )


def sampler_of(loader: DataLoader) -> Any:
    """The sampler of single samples that ``loader`` draws with."""
    return getattr(loader.batch_sampler, "sampler", loader.sampler)


def start_epoch(loader: DataLoader, *, seed: int, epoch: int, skip: int = 0) -> Iterator[Any]:
    """An iterator over the batches of ``epoch`` from batch ``skip`` on; the global generators stay as they are."""
    for part in (loader.dataset, sampler_of(loader)):
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)
    if loader.generator is not None:
        entropy = np.random.SeedSequence([seed, epoch, get_rank()]).generate_state(1, np.uint64)[0]
        loader.generator.manual_seed(int(entropy >> 1))
    with preserved_rng():
        if isinstance(loader.batch_sampler, ResumableBatches):
            loader.batch_sampler.skip, skip = skip, 0
        batches = iter(loader)
        loader._iterator = batches if loader.num_workers else None  # for stop_workers, if an error ends the epoch
        for _ in range(skip):
            next(batches)
    return batches


def stop_workers(loader: DataLoader) -> None:
    """End the processes that a loader still has: with ``persistent_workers``, or after an epoch that was broken off.

    They ignore the signals by which Python would end them at exit, and would be waited for without end.
    """
    iterator, loader._iterator = loader._iterator, None
    if iterator is not None and hasattr(iterator, "_shutdown_workers"):
        iterator._shutdown_workers()


def _batches(chunks: Iterator[np.ndarray], size: int, *, drop_last: bool) -> Iterator[np.ndarray]:
    """The values of ``chunks`` one after another, ``size`` at a time."""
    left = np.empty(0, np.int64)
    for chunk in chunks:
        chunk = np.concatenate([left, chunk]) if len(left) else chunk
        whole = len(chunk) // size * size
        yield from chunk[:whole].reshape(-1, size)
        left = chunk[whole:]
    if len(left) and not drop_last:
        yield left


def _collate(config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    options = dict(config)
    name = options.pop("type")
    function = REGISTRIES["collate"].get(name)
    if function is None:
        raise ConfigError(f"No collate function named {name!r}.", next_step="Run: zoo list collate")
    return partial(function, **options)


def _prepare_worker(worker: int) -> None:
    _ignore_signals()
    keep_errors_whole()


def _ignore_signals() -> None:
    """Leave stopping to the main process: a signal to the process group must not take its workers away first."""
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
