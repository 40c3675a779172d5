"""Cells: the samples of a dataset by corpus, label and method, each cell one run of indices."""

import numpy as np
import pytest
from crop_helpers import clip, write_crops

from zoo.datasets.cells import CellName, Cells
from zoo.datasets.crops import CropDataset


def videos(corpus, seed, **crops_of):
    """Videos of three methods in random order: ``crops_of`` maps a method to the crops of each of its videos."""
    rows = []
    for method, crops in crops_of.items():
        for index, count in enumerate(crops):
            video_id = f"{corpus}/{method}{index}"
            rows.append(clip(video_id, "train", int(method != "real"), crops=count, identities=[video_id]))
            for row in rows[-1]:
                row["method"] = method
    rows.append(clip(f"{corpus}/other", "val", 0))
    return [rows[index] for index in np.random.default_rng(seed).permutation(len(rows))]


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    first = videos("zebra", 0, real=[3, 2], swap=[1, 4], blend=[2])
    second = videos("ant", 1, real=[5], swap=[2, 2])
    return [str(write_crops(folder / "z", *first)), str(write_crops(folder / "a", *second))]


def told(dataset):
    return {str(name): (cell.start, len(cell)) for name, cell in dataset.cells()}


def test_each_cell_is_one_run_of_samples(roots):
    dataset = CropDataset(roots)
    assert told(dataset) == {
        "ant/real/real": (0, 5),
        "zebra/real/real": (5, 5),
        "ant/fake/swap": (10, 4),
        "zebra/fake/blend": (14, 2),
        "zebra/fake/swap": (16, 5),
    }
    cells = dataset.cells()
    assert cells.names[0] == CellName("ant", "real", "real") and len(cells) == 5
    owners = cells.of(np.arange(len(dataset)))
    for index, owner in enumerate(owners.tolist()):
        sample = dataset[index]["data_samples"]
        assert (sample.corpus, sample.label, sample.method) == (
            cells.names[owner].corpus,
            int(cells.names[owner].label == "fake"),
            cells.names[owner].method,
        )


def test_the_order_is_that_of_names_and_not_of_files(roots):
    ids = [sample.sample_id for sample in CropDataset(roots).__getitems__(range(21))["data_samples"]]
    assert ids == [s.sample_id for s in CropDataset(roots[::-1]).__getitems__(range(21))["data_samples"]]
    assert ids[5:10] == [f"zebra/real0#{k:03d}" for k in range(3)] + [f"zebra/real1#{k:03d}" for k in range(2)]


def test_cells_are_of_what_the_dataset_takes(roots):
    assert told(CropDataset(roots, frames_per_video=2)) == {
        "ant/real/real": (0, 2),
        "zebra/real/real": (2, 4),
        "ant/fake/swap": (6, 4),
        "zebra/fake/blend": (10, 2),
        "zebra/fake/swap": (12, 3),
    }
    assert list(told(CropDataset(roots, corpora=["zebra"], methods=["real", "swap"]))) == [
        "zebra/real/real",
        "zebra/fake/swap",
    ]
    limited = CropDataset(roots, limit=2)
    assert sum(size for _, size in told(limited).values()) == len(limited) and len(limited.cells()) == 2
    hidden = CropDataset(roots, split=None, test_mode=True)
    assert told(hidden)["ant/real/real"] == (0, 11)


def test_runs_without_samples_make_no_cell():
    labels, corpora = np.array([-1, 0, 0, 1], np.int8), np.array([0, 0, 1, 1])
    options = {"corpus_names": ["a", "b"], "method_names": ["m"]}
    cells = Cells.of_runs(labels, corpora, np.zeros(4, int), np.array([2, 0, 3, 4]), **options)
    assert {str(name): list(cell) for name, cell in cells} == {
        "a/unknown/m": [0, 1],
        "b/real/m": [2, 3, 4],
        "b/fake/m": [5, 6, 7, 8],
    }
    assert len(Cells.of_runs(labels, corpora, np.zeros(4, int), np.zeros(4, int), **options)) == 0
