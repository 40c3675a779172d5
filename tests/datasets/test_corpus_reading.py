"""From a path to a corpus and its videos, with broken readers about."""

import argparse
import logging
from pathlib import Path

import pytest
from corpus_trees import celebdf, faceforensics, touched

from zoo.datasets.corpora import reading
from zoo.datasets.corpora.base import Corpus, CorpusScan
from zoo.datasets.corpora.reading import find_corpus, read_corpus, split_shares, what_is_looked_for
from zoo.errors import ConfigError, DataError, UnknownComponent
from zoo.plugins import catalog
from zoo.plugins.specs import Component
from zoo.registry import REGISTRIES
from zoo.structures import VideoRecord


class PluginCorpus(Corpus):
    """What a plugin would bring."""

    name = "mine"
    looked_for = ("mine.txt",)

    @classmethod
    def recognise(cls, root):
        return Path(root) if (Path(root) / "mine.txt").is_file() else None

    def _scan(self, root):
        ids = [f"mine/{n}" for n in range(6)]
        common = {"corpus": "mine", "path": str(root / "mine.txt"), "split": None, "label": 0, "method": "real"}
        people = [frozenset({f"p{n // 2}"}) for n in range(6)]
        originals = ["mine/5" if n == 1 else None for n in range(6)]
        return CorpusScan(
            records=tuple(
                VideoRecord(video_id=name, identities=who, original=original, **common)
                for name, who, original in zip(ids, people, originals, strict=True)
            )
        )


class BrokenCorpus(PluginCorpus):
    """A reader with a fault."""

    @classmethod
    def recognise(cls, root):
        raise RuntimeError("this reader is broken")


@pytest.fixture
def plugins(monkeypatch):
    """A plugin with a good reader, one that raises, and one that cannot be imported."""
    module = f"{__name__}:"
    added = {
        name: Component("corpus", name, target, "", origin="plugin")
        for name, target in (
            ("MyCorpus", module + "PluginCorpus"),
            ("BrokenCorpus", module + "BrokenCorpus"),
            ("AbsentCorpus", "no_such_module:Reader"),
        )
    }
    monkeypatch.setattr(catalog(), "components", catalog().components | added)
    yield
    for name in added:
        REGISTRIES["corpus"]._module_dict.pop(name, None)


def test_a_reader_of_a_plugin_is_found_like_any_other(plugins, tmp_path):
    root = touched(tmp_path, "mine.txt", "clip.mp4")
    assert find_corpus(root) == "MyCorpus"
    assert (
        find_corpus(root, "plugin.MyCorpus") == find_corpus(root, "mycorpus") == find_corpus(root, "mine") == "MyCorpus"
    )
    assert read_corpus(root).name == "MyCorpus"


def test_a_broken_reader_does_not_break_the_others(plugins, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert find_corpus(faceforensics(tmp_path)) == "FaceForensics"
    assert "BrokenCorpus fails to look at" in caplog.text and "this reader is broken" in caplog.text
    assert "AbsentCorpus cannot be used" in caplog.text
    assert {"MyCorpus", "BrokenCorpus", "VideoFolder"} <= what_is_looked_for().keys()
    with pytest.raises(RuntimeError, match="this reader is broken"):
        read_corpus(tmp_path, corpus="BrokenCorpus")  # asked for by name, its fault is shown


@pytest.mark.parametrize("name", ["FaceForensics", "faceforensics", "face-forensics", "ff++", "zoo.FaceForensics"])
def test_corpora_have_forgiving_names(tmp_path, name):
    assert find_corpus(tmp_path, name) == "FaceForensics"


def test_an_unknown_name_is_an_error_with_a_suggestion(tmp_path):
    with pytest.raises(UnknownComponent, match="Did you mean 'CelebDF'"):
        find_corpus(tmp_path, "CelebDFF")


def test_nothing_recognised_names_what_every_reader_looked_for(tmp_path):
    with pytest.raises(DataError) as caught:
        find_corpus(tmp_path)
    for name, patterns in what_is_looked_for().items():
        assert name in caught.value.what and patterns[0] in caught.value.what
    with pytest.raises(DataError, match="does not exist"):
        find_corpus(tmp_path / "nowhere")


def test_arguments_reach_the_reader_and_wrong_ones_are_named(tmp_path):
    root = celebdf(tmp_path)
    read = read_corpus(root, options={"identity_disjoint": True}, seed=3)
    assert read.name == "CelebDF" and read.excluded and not read.skipped
    assert read.records == read_corpus(root, options={"identity_disjoint": True, "seed": 3}).records
    with pytest.raises(ConfigError, match=r"CelebDF has no argument 'identity_disjont'.*Did you mean"):
        read_corpus(root, options={"identity_disjont": True})


def test_shares_reach_readers_that_split_and_leave_official_splits_alone(tmp_path):
    official = read_corpus(faceforensics(tmp_path / "a"), split_ratio={"train": 0.5, "val": 0.5})
    assert {record.split for record in official.records} == {"train", "val", "test"}
    computed = read_corpus(faceforensics(tmp_path / "b", splits=False), split_ratio={"train": 0.5, "val": 0.5})
    assert {record.split for record in computed.records} == {"train", "val"}


def test_readers_without_splits_get_them_by_people_and_originals(plugins, tmp_path):
    root = touched(tmp_path, "mine.txt")
    assert {record.split for record in read_corpus(root).records} == {None}
    records = read_corpus(root, split_ratio={"train": 0.6, "val": 0.4}).records
    by_person = {}
    for record in records:
        by_person.setdefault(record.identities, set()).add(record.split)
    first, second, third = by_person.values()
    assert first == third != second and len(first) == 1  # tied by an original
    assert {record.split for record in records} == {"train", "val"}
    with pytest.raises(ConfigError, match="sum to 1"):
        read_corpus(root, split_ratio={"train": 0.6})


def test_shares_are_one_number_or_three():
    assert split_shares("0.8") == pytest.approx({"train": 0.8, "val": 0.2})
    assert split_shares("0.7,0.15,0.15") == {"train": 0.7, "val": 0.15, "test": 0.15}


@pytest.mark.parametrize("text", ["", "1", "0", "-0.5", "1.5", "0.5,0.5", "1,2,3", "0.5,0.5,0", "nan", "x"])
def test_other_shares_are_refused(text):
    with pytest.raises(ValueError):
        split_shares(text)


def test_the_commands_share_the_arguments():
    from zoo.cli._corpus_arguments import add_corpus_arguments

    parser = argparse.ArgumentParser()
    add_corpus_arguments(parser)
    options = parser.parse_args(["--split-ratio", "0.8", "--corpus-options", "compression=c23", "seed=4"])
    assert options.split_ratio == pytest.approx({"train": 0.8, "val": 0.2})
    assert options.corpus_options == {"compression": "c23", "seed": 4}
    with pytest.raises(SystemExit):
        parser.parse_args(["--split-ratio", "2"])


def test_pictures_beside_videos_are_no_second_corpus(tmp_path):
    assert reading.find_corpus(touched(tmp_path, "real/a.mp4", "real/a.jpg")) == "VideoFolder"
