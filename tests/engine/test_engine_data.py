"""Data loaders on several ranks read one and the same data."""

from multiprocessing import active_children

import pytest
from toy_parts import ToyDataset

from zoo.engine import data
from zoo.errors import DataError


def on_ranks(monkeypatch, *told):
    monkeypatch.setattr(data, "get_world_size", lambda: len(told))
    monkeypatch.setattr(data, "all_gather_object", lambda mine: list(told))


def test_ranks_with_other_data_are_refused(monkeypatch):
    mine = data.provenance_of(ToyDataset())
    on_ranks(monkeypatch, mine, mine)
    data.require_same_data(ToyDataset())
    on_ranks(monkeypatch, mine, mine, {**mine, "sha256": "1" * 64, "split_hash": "2"})
    with pytest.raises(DataError, match="Ranks 0 and 2 read different data, which differ in sha256, split_hash"):
        data.require_same_data(ToyDataset())


def test_a_dataset_may_tell_its_origin_by_an_attribute_a_method_or_not_at_all():
    class Silent:
        pass

    class Telling:
        def provenance(self):
            return {"hash": "1"}

    assert data.provenance_of(ToyDataset())["corpus"] == "toy"
    assert data.provenance_of(Telling()) == {"hash": "1"}
    assert data.provenance_of(Silent()) == {}


class Broken(ToyDataset):
    def __getitem__(self, index):
        if index == 6:
            raise DataError("Sample 6 is damaged.")
        return super().__getitem__(index)


@pytest.mark.parametrize("persistent", [False, True])
def test_an_epoch_that_an_error_breaks_off_leaves_no_worker(persistent):
    config = {"dataset": Broken(), "sampler": {"type": "ToySampler", "shuffle": False}, "batch_size": 4}
    workers = {"num_workers": 1, "persistent_workers": persistent, "multiprocessing_context": "fork"}
    loader = data.build_dataloader({**config, **workers, "collate_fn": {"type": "toy_collate"}}, seed=0)
    batches = data.start_epoch(loader, seed=0, epoch=0)
    with pytest.raises(DataError, match="damaged"):
        list(batches)
    assert active_children()
    data.stop_workers(loader)  # while ``batches`` is still held, as by a traceback
    assert active_children() == []
