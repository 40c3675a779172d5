"""What holds for every reader."""

import itertools
from pathlib import Path

import pytest
from corpus_trees import TREES, dfd, faceforensics, faceforensics_plain, kaggle, touched

from zoo.datasets.corpora.reading import find_corpus
from zoo.errors import DataError
from zoo.registry import REGISTRIES, build

OPTIONS = {
    "CelebDF": [{}, {"identity_disjoint": True}, {"val_share": 0.3}],
    "DFDCPreview": [{}, {"val_share": 0.3}],
    "WildDeepfake": [{}, {"val_share": 0.3}],
}
COMPUTED = [
    ("CelebDF", TREES["CelebDF"], {"identity_disjoint": True}),
    ("DF40", TREES["DF40"], {}),
    ("DFDC", TREES["DFDC"], {}),
    ("DFDC", lambda root: TREES["DFDC"](root, parts=2), {}),
    ("DFDC", kaggle, {}),
    ("DeepFakeDetection", dfd, {}),
    ("DeepFakeDetection", lambda root: dfd(root, linked=True), {}),
    ("FaceForensics", lambda root: faceforensics(root, splits=False), {}),
    ("FaceForensics", faceforensics_plain, {}),
]
CASES = [(name, options) for name in TREES for options in OPTIONS.get(name, [{}])]


def test_every_reader_has_a_tree():
    from zoo.plugins import catalog

    built_in = {item.name for item in catalog().components.values() if item.kind == "corpus" and item.origin == "zoo"}
    assert built_in - {"FakeAVCeleb"} == set(TREES)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_records_are_sound(tmp_path, name, options):
    root = TREES[name](tmp_path)
    scan = build("corpus", {"type": name, **options}).scan(root)
    assert not scan.skipped
    ids = [record.video_id for record in scan.records]
    assert ids == sorted(set(ids))
    assert {record.label for record in scan.records} <= {0, 1, -1}
    assert {0, 1} <= {record.label for record in scan.records}
    prefix = REGISTRIES["corpus"].get(name).name
    for record in scan.records:
        assert record.video_id.startswith(f"{prefix}/") and record.corpus == prefix
        assert Path(record.path).is_file() and record.path.startswith(str(tmp_path))
        assert record.split in ("train", "val", "test")
        if record.label == 0:
            assert record.method == "real" and not record.video_fake and not record.fake_segments
            assert record.original is None
        if record.label == 1:
            assert record.method != "real" and (record.video_fake or record.audio_fake or record.video_fake is None)
        assert record.original is None or record.original in record.source_videos
    assert scan == build("corpus", {"type": name, **options}).scan(root)


@pytest.mark.parametrize(("name", "tree", "options"), COMPUTED)
@pytest.mark.parametrize("seed", [0, 1])
def test_nobody_crosses_a_computed_split(tmp_path, name, tree, options, seed):
    scan = build("corpus", {"type": name, "seed": seed, **options}).scan(tree(tmp_path))
    assert len({record.split for record in scan.records}) > 1
    seen = {}
    for record in scan.records:
        for tie in {record.video_id} | record.identities | record.source_videos | {record.original or record.video_id}:
            seen.setdefault(tie, set()).add(record.split)
    if name == "DF40":  # nobody is both in FaceForensics++ and in Celeb-DF, which is for tests
        assert all(splits == {"test"} for tie, splits in seen.items() if tie.startswith("celebdf/"))
    assert {tie: splits for tie, splits in seen.items() if len(splits) > 1} == {}


@pytest.mark.parametrize("name", [name for name, options in OPTIONS.items() if {"val_share": 0.3} in options])
def test_held_out_validation_videos_share_nobody_with_training(tmp_path, name):
    root = TREES[name](tmp_path)
    official = {record.video_id: record.split for record in build("corpus", {"type": name}).read(root)}
    people = {"train": set(), "val": set()}
    for record in build("corpus", {"type": name, "val_share": 0.3}).read(root):
        assert (record.split == "test") == (official[record.video_id] == "test")
        if record.split != "test":
            people[record.split] |= record.identities | record.source_videos
    assert people["train"] and people["val"] and not people["train"] & people["val"]


@pytest.mark.parametrize("name", TREES)
def test_a_tree_is_recognised_as_one_corpus(tmp_path, name):
    assert find_corpus(TREES[name](tmp_path)) == name
    assert find_corpus(tmp_path, name.lower()) == name


@pytest.mark.parametrize("name", TREES)
def test_an_unknown_tree_is_one_error_that_lists_what_was_looked_for(tmp_path, name):
    (tmp_path / "some folder").mkdir()
    reader = build("corpus", {"type": name})
    with pytest.raises(DataError, match="not recognised") as caught:
        reader.read(tmp_path)
    assert all(pattern in str(caught.value) for pattern in reader.looked_for)
    with pytest.raises(DataError, match="does not exist"):
        reader.read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", TREES)
def test_loops_and_foreign_files_change_nothing(tmp_path, name):
    root = TREES[name](tmp_path / "Ünïcode and spaces")
    reader = build("corpus", {"type": name})
    before = reader.scan(root)
    folders = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        (folder / "loop").symlink_to(root, target_is_directory=True)
        (folder / ".hidden.mp4").write_bytes(b"x")
        (folder / "notes.txt").write_bytes(b"x")
    assert reader.scan(root) == before


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
