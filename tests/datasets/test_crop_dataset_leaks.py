"""CropDataset in training: leaks between splits are refused, or noted where they are asked for."""

import pytest
from crop_helpers import clip, corpus, write_crops

from zoo.datasets import crops
from zoo.datasets.audit import guard
from zoo.datasets.crops import CropDataset
from zoo.errors import DataError


@pytest.fixture
def said(monkeypatch):
    """What goes into the log of the run."""
    lines = []
    monkeypatch.setattr(crops, "print_log", lambda text, **_: lines.append(text))
    return lines


def leaky(root):
    rows = corpus()
    return write_crops(root, *rows, clip("c/extra", "test", 0, identities=["c-train-0"]))


def test_training_on_leaks_is_refused_and_evaluation_is_not(tmp_path):
    root = leaky(tmp_path)
    with pytest.raises(DataError, match="splits leak: 1 people in train and test") as caught:
        CropDataset(root)
    assert "allow_leaks" in caught.value.next_step
    assert "leaks" not in CropDataset(root, split="test", test_mode=True).provenance()


def test_leaks_that_are_asked_for_are_noted(tmp_path, caplog, said):
    told = CropDataset(leaky(tmp_path), allow_leaks=True).provenance()
    assert told["leaks"] == 1 and "people in train and test" in told["leaks_found"]
    assert "allow_leaks" in caplog.text and "1 people in train and test" in said[0]


def test_all_manifests_are_audited_together(tmp_path):
    first = write_crops(tmp_path / "one", *corpus())
    second = write_crops(tmp_path / "two", *corpus("d"), clip("d/x", "test", 1, sources=["c/train0"]))
    assert CropDataset(first).provenance()["leaks"] == 0 == CropDataset(second).provenance()["leaks"]
    with pytest.raises(DataError, match="source videos in train and test"):
        CropDataset([str(first), str(second)])


def test_validation_data_elsewhere_is_kept_apart(tmp_path):
    first = write_crops(tmp_path / "one", *corpus())
    apart = write_crops(tmp_path / "two", *corpus("d"))
    crossing = write_crops(tmp_path / "three", *corpus("e"), clip("e/x", "val", 1, sources=["c/train0"]))

    def validated_on(root, **options):
        training = CropDataset(first, **options)
        training.keep_apart_from(CropDataset(root, split="val", test_mode=True))
        return training.provenance()["leaks"]

    assert validated_on(first) == validated_on(apart) == 0
    with pytest.raises(DataError, match="source videos in train and val"):
        validated_on(crossing)
    assert validated_on(crossing, allow_leaks=True) == 1


def test_the_second_start_makes_no_audit(tmp_path, monkeypatch):
    first, second = write_crops(tmp_path / "one", *corpus()), write_crops(tmp_path / "two", *corpus("d"))

    def start():
        CropDataset(first).keep_apart_from(CropDataset(second, split="val", test_mode=True))

    start()
    monkeypatch.setattr(guard, "audit", lambda *_, **__: pytest.fail("audited again"))
    start()


def test_who_is_who_comes_from_a_file(tmp_path):
    root = write_crops(tmp_path, *corpus())
    persons = tmp_path / "persons.json"
    persons.write_text('{"c": {"c-train-0": "Ada", "c-test-1": "Ada"}}')
    with pytest.raises(DataError, match="Ada"):
        CropDataset(root, persons_file=str(persons))


def test_crops_made_in_different_ways_are_told(tmp_path, said):
    first, second = write_crops(tmp_path / "one", *corpus()), write_crops(tmp_path / "two", *corpus("d"), margin=0.5)
    told = CropDataset([str(first), str(second)]).provenance()
    assert len(told["crop_hashes"]) == 2 and "2 different ways" in said[0]
    training = CropDataset(first)
    training.keep_apart_from(CropDataset(first, split="val", test_mode=True))
    assert len(said) == 1
    training.keep_apart_from(CropDataset(second, split="val", test_mode=True))
    assert "another way than those of training" in said[1]


def test_the_split_hash_follows_the_split_alone(tmp_path):
    def split_hash(name, *rows, **options):
        return CropDataset(write_crops(tmp_path / name, *rows, **options)).provenance()["split_hash"]

    plain = split_hash("plain", *corpus())
    assert split_hash("again", *corpus()[::-1], packed=True, margin=0.9) == plain
    assert split_hash("fewer", *corpus()[:-1]) != plain
