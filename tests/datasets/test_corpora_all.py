"""What holds for all readers together; what each promises by itself is in tests/contracts."""

import itertools

import pytest
from corpus_trees import TREES, touched

from zoo.datasets.corpora.reading import find_corpus
from zoo.registry import REGISTRIES, build

HELD_OUT = ("CelebDF", "DFDCPreview", "WildDeepfake")


def test_nobody_of_two_corpora_is_in_both(tmp_path):
    """Of DF40, whoever is in Celeb-DF is for tests."""
    seen = {}
    for record in build("corpus", {"type": "DF40"}).read(TREES["DF40"](tmp_path)):
        for tie in record.identities | record.source_videos:
            seen.setdefault(tie, set()).add(record.split)
    celebrities = [splits for tie, splits in seen.items() if tie.startswith("celebdf/")]
    assert celebrities and all(splits == {"test"} for splits in celebrities)


def test_every_reader_has_a_tree():
    from zoo.plugins import catalog

    built_in = {item.name for item in catalog().components.values() if item.kind == "corpus" and item.origin == "zoo"}
    assert built_in == set(TREES)


@pytest.mark.parametrize("name", HELD_OUT)
def test_held_out_validation_videos_share_nobody_with_training(tmp_path, name):
    root = TREES[name](tmp_path)
    official = {record.video_id: record.split for record in build("corpus", {"type": name}).read(root)}
    people = {"train": set(), "val": set()}
    for record in build("corpus", {"type": name, "val_share": 0.3}).read(root):
        assert (record.split == "test") == (official[record.video_id] == "test")
        if record.split != "test":
            people[record.split] |= record.identities | record.source_videos
    assert people["train"] and people["val"] and not people["train"] & people["val"]


@pytest.mark.parametrize(
    "extra", ["metadata.json", "test/labels.csv", "dataset.json", "meta_data.csv", "splits/a.json"]
)
def test_lists_of_common_names_do_not_make_a_corpus(tmp_path, extra):
    names = [f"{split}/{label}/a.jpg" for split in ("train", "val", "test") for label in ("real", "fake")]
    assert find_corpus(touched(tmp_path, *names, extra)) == "ImageFolder"


def test_trees_are_told_apart(tmp_path):
    roots = {name: TREES[name](tmp_path / name) for name in TREES}
    special = [name for name in TREES if not REGISTRIES["corpus"].get(name).generic]
    for name, other in itertools.product(special, TREES):
        assert (REGISTRIES["corpus"].get(name).recognise(roots[other]) is not None) == (name == other), (name, other)
