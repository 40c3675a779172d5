"""DFDC in its parts and in Kaggle's form, and the preview."""

import shutil

import pytest
from corpus_trees import dfdc, dfdc_preview, kaggle, touched, written

from zoo.datasets.corpora.dfdc import DFDC
from zoo.datasets.corpora.dfdc_preview import DFDCPreview
from zoo.errors import ConfigError, DataError


def by_id(scan):
    return {record.video_id: record for record in scan.records}


def test_a_part_is_a_fold_and_fakes_name_their_original(tmp_path):
    records = by_id(DFDC().scan(dfdc(tmp_path)))
    fake = records["dfdc/dfdc_train_part_3/fake1"]
    assert (fake.label, fake.method, fake.original) == (1, "dfdc", "dfdc/dfdc_train_part_3/real1")
    assert (fake.video_fake, fake.audio_fake) == (None, None)  # sound can be forged, and the metadata does not tell
    real = records["dfdc/dfdc_train_part_3/real1"]
    assert (real.label, real.original, real.video_fake) == (0, None, False)
    for part in range(6):
        splits = {r.split for name, r in records.items() if f"part_{part}/" in name}
        assert len(splits) == 1
    assert {record.split for record in records.values()} == {"train", "val", "test"}


def test_few_parts_are_split_by_families(tmp_path):
    records = by_id(DFDC(ratios={"train": 0.5, "val": 0.5}).scan(dfdc(tmp_path, parts=1)))
    assert {record.split for record in records.values()} == {"train", "val"}
    for family in range(2):
        assert len({records[f"dfdc/dfdc_train_part_0/{kind}{family}"].split for kind in ("real", "fake")}) == 1


def test_the_official_test_is_the_test(tmp_path):
    records = by_id(DFDC().scan(dfdc(tmp_path, test=True)))
    assert {name for name, record in records.items() if record.split == "test"} == {"dfdc/test/aa", "dfdc/test/bb"}
    assert (records["dfdc/test/aa"].label, records["dfdc/test/bb"].label) == (1, 0)
    assert {record.split for record in records.values()} == {"train", "val", "test"}


def test_parts_unpacked_into_a_folder_of_their_name_are_found(tmp_path):
    dfdc(tmp_path / "below")
    for part in range(6):
        name = f"dfdc_train_part_{part}"
        (tmp_path / name).mkdir()
        shutil.move(tmp_path / "below" / name, tmp_path / name / name)
    assert "dfdc/dfdc_train_part_0/dfdc_train_part_0/real0" in by_id(DFDC().scan(tmp_path))


@pytest.mark.parametrize("name", ["dfdc_train_part_2", "train_sample_videos"])
def test_a_single_part_has_the_ids_it_has_in_the_corpus(tmp_path, name, monkeypatch):
    dfdc(tmp_path)
    kaggle(tmp_path)
    whole = by_id(DFDC().scan(tmp_path))
    reader = DFDC(ratios={"train": 0.5, "val": 0.5})
    part = by_id(reader.scan(tmp_path / name))
    assert part.keys() == {video_id for video_id in whole if f"/{name}/" in video_id}
    assert all(record.path == whole[video_id].path for video_id, record in part.items())
    monkeypatch.chdir(tmp_path / name)
    assert by_id(reader.scan(".")).keys() == part.keys()


def test_kaggle_test_videos_have_no_label(tmp_path):
    records = by_id(DFDC().scan(kaggle(tmp_path)))
    hidden = records["dfdc/test_videos/t1"]
    assert (hidden.label, hidden.split, hidden.method, hidden.video_fake) == (-1, "test", "unknown", None)
    assert {record.split for record in records.values() if record.label != -1} == {"train", "val"}


def test_files_without_an_entry_and_entries_without_a_file_are_counted(tmp_path):
    root = dfdc(tmp_path)
    touched(root, "dfdc_train_part_0/extra.mp4")
    (root / "dfdc_train_part_1" / "fake0.mp4").unlink()
    scan = DFDC(max_skipped=0.1).scan(root)
    assert scan.skipped == {"dfdc_train_part_1/fake0.mp4": "missing"}
    assert scan.excluded == {"dfdc_train_part_0/extra.mp4": "its list does not name it"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"../x.mp4": {"label": "REAL"}}, "no path below"),
        ({"/etc/x.mp4": {"label": "REAL"}}, "no path below"),
        ({"C:\\x.mp4": {"label": "REAL"}}, "no path below"),
        ({"x.mp4": {"label": "FAKE", "original": "..\\y.mp4"}}, "no path below"),
        ({"x.mp4": {"label": "MAYBE"}}, "label is 'MAYBE'"),
        ([], "no object"),
        ("not json", "Cannot read"),
    ],
)
def test_metadata_that_makes_no_sense_is_an_error(tmp_path, table, message):
    root = dfdc(tmp_path)
    written(root / "dfdc_train_part_0" / "metadata.json", table)
    with pytest.raises(DataError, match=message) as caught:
        DFDC().read(root)
    assert "dfdc_train_part_0" in caught.value.where


@pytest.mark.parametrize(("text", "message"), [("a,b\n", "no column filename"), ("filename,label\nx.mp4,0.5\n", "0.5")])
def test_test_labels_that_make_no_sense_are_an_error(tmp_path, text, message):
    root = dfdc(tmp_path, test=True)
    written(root / "test" / "labels.csv", text)
    with pytest.raises(DataError, match=message):
        DFDC().read(root)


def test_sets_methods_and_actors_of_the_preview(tmp_path):
    records = by_id(DFDCPreview().scan(dfdc_preview(tmp_path)))
    fake = records["dfdc-preview/method_B/101/100/101_A_001_0_30"]
    assert (fake.label, fake.split, fake.method) == (1, "train", "method_B")
    assert fake.identities == {"dfdc-preview/100", "dfdc-preview/101"}
    assert {record.split for record in records.values()} == {"train", "test"}


def test_validation_videos_are_taken_from_the_training_set_by_actors(tmp_path):
    root = dfdc_preview(tmp_path)
    official, held_out = by_id(DFDCPreview().scan(root)), by_id(DFDCPreview(val_share=0.25).scan(root))
    tests = {name for name, record in official.items() if record.split == "test"}
    assert {name for name, record in held_out.items() if record.split == "test"} == tests
    assert sum(record.split == "val" for record in held_out.values()) == 4
    with pytest.raises(ConfigError, match="val_share"):
        DFDCPreview(val_share=1.0)


def test_files_of_the_preview_without_an_entry_are_counted(tmp_path):
    root = touched(dfdc_preview(tmp_path), "method_A/100/101/extra.mp4")
    assert DFDCPreview().scan(root).excluded == {"method_A/100/101/extra.mp4": "its list does not name it"}


def test_windows_separators_in_the_preview_are_read(tmp_path):
    root = dfdc_preview(tmp_path)
    text = (root / "dataset.json").read_text()
    (root / "dataset.json").write_text(text.replace("/", "\\\\"))
    assert len(DFDCPreview().read(root)) == 20


@pytest.mark.parametrize("row", [{"label": "real"}, {"label": "x", "set": "train"}, None])
def test_entries_of_the_preview_need_a_label_and_a_set(tmp_path, row):
    root = dfdc_preview(tmp_path)
    written(root / "dataset.json", {"original_videos/1/a.mp4": row})
    with pytest.raises(DataError, match="The entry has the label"):
        DFDCPreview().read(root)
