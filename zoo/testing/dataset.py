"""What a dataset promises to samplers, loaders, detectors and checkpoints."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch

from zoo.registry import REGISTRIES
from zoo.structures import FAKE, LABEL_NAMES, REAL, ForgerySample
from zoo.testing.case import Case, expect, run_checks
from zoo.testing.component import keep_promises


@dataclass(frozen=True, kw_only=True)
class DatasetCase(Case):
    """A dataset with the collate function that goes with it, and arguments of training alone."""

    kind: str = "dataset"
    collate: str
    training: Mapping[str, Any] = field(default_factory=dict)

    def train(self) -> Any:
        return self.make(**self.training, split="train")

    def test(self) -> Any:
        return self.make(split="test", test_mode=True)

    def batch(self, samples: list[Any]) -> Any:
        return REGISTRIES["collate"].get(self.collate)(samples)


DatasetCheck = Callable[[DatasetCase], None]


def check_dataset(
    component: str | type,
    config: Mapping[str, Any],
    *,
    collate: str,
    training: Mapping[str, Any] | None = None,
) -> None:
    """The contract of a dataset. ``split`` and ``test_mode`` are given by the check.

    Args:
        component: a registered name, or a class.
        config: arguments in plain values, with ``data_root``: at least four samples in ``train``, in ``test`` two, of
            both classes.
        collate: the registered function that makes a batch of its samples.
        training: further arguments for training, under which samples are drawn anew in every epoch.

    Raises:
        ContractBroken: it breaks a promise.
    """
    case = DatasetCase(component=component, config=config, collate=collate, training=training or {})
    keep_promises(case.with_config(split="train"))
    run_checks(case, CHECKS)  # type: ignore[arg-type]


def samples_are_tensors_and_what_is_known(case: DatasetCase) -> None:
    """A sample is tensors under inputs and what is known of it under data_samples."""
    for dataset in (case.train(), case.test()):
        expect(len(dataset) > 1, "there are hardly any samples")
        for sample in _samples(dataset):
            expect(sample.keys() == {"inputs", "data_samples"}, f"a sample has the keys {sorted(sample)}")
            expect(all(isinstance(value, torch.Tensor) for value in sample["inputs"].values()), "inputs: no tensors")
            known = sample["data_samples"]
            expect(isinstance(known, ForgerySample), f"data_samples is a {type(known).__name__}")
            expect(known.status == "ok" and known.fake_logit is None, f"{known.sample_id} is judged already")
            named = known.sample_id.startswith(known.video_id) and known.corpus and known.method
            expect(named, f"{known.sample_id!r} does not begin with its video_id, or corpus or method are empty")


def labels_are_those_of_the_samples_and_rise(case: DatasetCase) -> None:
    """Labels are those of the samples, the real ones first, and are counted right."""
    dataset = case.train()
    labels = dataset.labels()
    told = [sample["data_samples"].label for sample in _samples(dataset)]
    expect(labels.tolist() == told, "labels() and the samples' labels differ")
    expect(told == sorted(told), "the labels do not rise")
    counts = {label: int(np.sum(np.asarray(labels) == label)) for label in (REAL, FAKE)}
    expect(dataset.class_counts() == counts, f"class_counts() is {dataset.class_counts()}, not {counts}")


def cells_are_those_of_the_samples(case: DatasetCase) -> None:
    """Cells are the samples by corpus, class and method, in one run each."""
    for dataset in (case.train(), case.test()):
        cells = dataset.cells()
        expect(cells.sizes.sum() == len(dataset), "the cells do not hold all samples")
        expect(len(set(cells.names)) == len(cells) > 1, "a cell occurs twice, or there is only one")
        for name, members in cells:
            known = [dataset[index]["data_samples"] for index in members]
            found = {(one.corpus, LABEL_NAMES[one.label], one.method) for one in known}
            expect(found == {tuple(name)}, f"the cell {name} holds {sorted(found)}")


def a_collated_batch_is_its_samples(case: DatasetCase) -> None:
    """What a loader fetches at once is what it fetches one by one."""
    dataset = case.train()
    indices = [3, 0, 2]
    together = case.batch(dataset.__getitems__(indices)) if hasattr(dataset, "__getitems__") else None
    one_by_one = case.batch([dataset[index] for index in indices])
    if together is not None:
        _expect_same(together, one_by_one, "fetched at once, samples differ")
    expect([known.label is not None for known in one_by_one["data_samples"]] == [True] * 3, "labels are lost")


def draws_depend_on_seed_and_epoch_alone(case: DatasetCase) -> None:
    """What training draws depends on seed and epoch, and on nothing else."""
    dataset = case.train()

    def epoch(number: int, seed: int) -> Any:
        dataset.set_epoch(number, seed=seed)
        return case.batch(_samples(dataset))

    _expect_same(epoch(4, 1), epoch(4, 1), "one epoch gives two things")
    if case.training:
        expect(_differ(epoch(4, 1), epoch(5, 1)), "every epoch draws the same")
        expect(_differ(epoch(4, 1), epoch(4, 2)), "the seed does not matter")


def evaluation_is_the_same_in_every_epoch(case: DatasetCase) -> None:
    """Evaluation gives the same in every epoch, each sample_id once."""
    dataset = case.test()
    before = case.batch(_samples(dataset))
    dataset.set_epoch(9, seed=9)
    _expect_same(case.batch(_samples(dataset)), before, "another epoch gives something else")
    ids = [known.sample_id for known in before["data_samples"]]
    expect(len(set(ids)) == len(ids), "a sample_id occurs twice")


def a_copy_in_a_worker_gives_the_same(case: DatasetCase) -> None:
    """A copy in another process gives the same."""
    dataset = case.train()
    dataset.set_epoch(2, seed=3)
    copy = pickle.loads(pickle.dumps(dataset))
    _expect_same(case.batch(_samples(copy)), case.batch(_samples(dataset)), "the copy gives something else")


def provenance_is_plain(case: DatasetCase) -> None:
    """Provenance is plain values with kind, split and corpora, and always the same."""
    told = case.train().provenance()
    expect(json.loads(json.dumps(told)) == told, "it is not what JSON gives back")
    named = told.get("kind") and told.get("split") == "train" and told.get("corpora")
    expect(named, f"kind, split or corpora are missing: {sorted(told)}")
    expect(case.train().provenance() == told, "a second instance tells something else")


def splits_have_nothing_in_common(case: DatasetCase) -> None:
    """No video is both in train and in test."""
    videos = [{sample["data_samples"].video_id for sample in _samples(one)} for one in (case.train(), case.test())]
    expect(all(videos), "a split is empty")
    expect(not videos[0] & videos[1], f"in both: {sorted(videos[0] & videos[1])[:5]}")


def _samples(dataset: Any) -> list[Any]:
    return [dataset[index] for index in range(len(dataset))]


def _expect_same(first: Any, second: Any, what: str) -> None:
    expect(first["data_samples"] == second["data_samples"], f"{what}: data_samples")
    expect(first["inputs"].keys() == second["inputs"].keys(), f"{what}: the inputs' names")
    expect(not _differ(first, second), f"{what}: the inputs' values")


def _differ(first: Any, second: Any) -> bool:
    return any(not torch.equal(values, second["inputs"][name]) for name, values in first["inputs"].items())


CHECKS: Final[tuple[DatasetCheck, ...]] = (
    samples_are_tensors_and_what_is_known,
    labels_are_those_of_the_samples_and_rise,
    cells_are_those_of_the_samples,
    a_collated_batch_is_its_samples,
    draws_depend_on_seed_and_epoch_alone,
    evaluation_is_the_same_in_every_epoch,
    a_copy_in_a_worker_gives_the_same,
    provenance_is_plain,
    splits_have_nothing_in_common,
)
