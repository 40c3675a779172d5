"""Splits in which nobody is seen twice, where people are linked to few others and to all."""

import itertools
from collections import Counter

import pytest

from zoo.datasets.corpora.grouping import RATIOS, check_share, hold_out, split_people
from zoo.errors import ConfigError, DataError


def swapped(count, loners=0):
    """``count`` people, each alone and with every other, and ``loners`` who are only alone."""
    names = [f"p{number:02d}" for number in range(count)]
    pairs = [frozenset(pair) for pair in itertools.combinations(names, 2)]
    return [frozenset({name}) for name in [*names, *(f"loner{n:03d}" for n in range(loners))]] + pairs


def split(people, **options):
    return split_people(people, **{"ratios": RATIOS, "seed": 0, "where": "here", **options})


def crossing(people, splits):
    seen = {}
    for names, found in zip(people, splits, strict=True):
        for name in names if found else ():
            seen.setdefault(name, set()).add(found)
    return {name for name, found in seen.items() if len(found) > 1}


def test_separate_groups_lose_no_video():
    people = [frozenset({f"a{n}", f"b{n}"}) for n in range(40)] + [frozenset({f"a{n}"}) for n in range(40)]
    splits = split(people)
    assert None not in splits and not crossing(people, splits)
    assert Counter(splits) == {"train": 56, "val": 12, "test": 12}


def test_everybody_linked_to_everybody_is_split_by_person():
    people = swapped(20)
    splits = split(people)
    assert not crossing(people, splits)
    assert Counter(splits[:20]) == {"train": 14, "val": 3, "test": 3}  # each alone: none is lost
    kept = Counter(splits[20:])
    assert (kept["train"], kept["val"], kept["test"]) == (14 * 13 / 2, 3, 3)
    assert kept[None] == 190 - 97


def test_those_who_are_always_alone_do_not_fill_the_small_splits():
    people = swapped(20, loners=100)
    splits = split(people)
    assert not crossing(people, splits)
    fakes = Counter(found for names, found in zip(people, splits, strict=True) if len(names) > 1)
    assert fakes["val"] >= 3 and fakes["test"] >= 3
    loners = Counter(found for names, found in zip(people, splits, strict=True) if "loner" in min(names))
    assert loners == {"train": 70, "val": 15, "test": 15}


def test_they_do_not_where_groups_are_separate_either():
    pairs = [frozenset({f"a{n}", f"b{n}"}) for n in range(40)]
    people = [*pairs, *pairs, *(frozenset({f"loner{n:03d}"}) for n in range(100))]
    splits = split(people)
    assert Counter(splits[:80]) == {"train": 56, "val": 12, "test": 12}
    assert Counter(splits[80:]) == {"train": 70, "val": 15, "test": 15}


def test_few_loners_are_shared_out_with_the_others():
    splits = split(swapped(20, loners=1))
    assert splits[20] in RATIOS and {"train", "val", "test"} <= set(splits)


def test_the_seed_alone_decides():
    people = swapped(20, loners=30)
    assert split(people) == split(people) != split(people, seed=1)


def test_fewer_people_than_splits_is_an_error():
    with pytest.raises(DataError, match="No identity is left"):
        split(swapped(2))


def test_holding_out_leaves_other_splits_alone():
    people = [frozenset({f"a{n}"}) for n in range(10)]
    official = ["train"] * 8 + ["test"] * 2
    assert hold_out(official, people, share=0.0, seed=0, where="here") == official
    assert Counter(hold_out(official, people, share=0.25, seed=0, where="here")) == {"train": 6, "val": 2, "test": 2}
    assert hold_out(["test"], people[:1], share=0.5, seed=0, where="here") == ["test"]


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_is_below_one(share):
    with pytest.raises(ConfigError, match="val_share"):
        check_share(share, "val_share")
