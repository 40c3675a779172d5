"""LAV-DF and AV-Deepfake1M: what is forged, where in time, and what it was made of."""

import pytest
from corpus_trees import avdeepfake1m, lavdf, lavdf_row, touched, written

from zoo.datasets.corpora.avdeepfake1m import AVDeepfake1M
from zoo.datasets.corpora.lavdf import LAVDF
from zoo.errors import DataError
from zoo.structures import Segment


def by_id(scan):
    return {record.video_id: record for record in scan.records}


@pytest.mark.parametrize("table", ["metadata.json", "metadata.min.json"])
def test_the_facts_of_lavdf(tmp_path, table):
    records = by_id(LAVDF().scan(lavdf(tmp_path, table=table)))
    fake = records["lavdf/dev/000002"]
    assert (fake.split, fake.label, fake.method) == ("val", 1, "real_video_fake_audio")
    assert (fake.video_fake, fake.audio_fake) == (False, True)
    assert fake.fake_segments == (Segment(1.5, 2.25, modality="audio"),)
    assert records["lavdf/dev/000001"].fake_segments == (Segment(1.5, 2.25, modality="video"),)
    assert (fake.duration_s, fake.fps, fake.has_audio, fake.original) == (8.0, 25.0, True, "lavdf/dev/000000")
    real = records["lavdf/dev/000000"]
    assert (real.label, real.method, real.fake_segments, real.original) == (0, "real", (), None)


def test_files_and_rows_of_lavdf_that_lack_each_other(tmp_path):
    root = lavdf(tmp_path)
    touched(root, "train/999999.mp4")
    (root / "test" / "000001.mp4").unlink()
    scan = LAVDF(max_skipped=0.2).scan(root)
    assert scan.skipped == {"test/000001.mp4": "missing"}
    assert scan.excluded == {"train/999999.mp4": "its list does not name it"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (lavdf_row("../x.mp4", "train"), "no path below"),
        (lavdf_row("train/x.mp4", "nowhere"), "the split 'nowhere'"),
        (lavdf_row("train/x.mp4", "train", video="yes"), "modify_video 'yes'"),
        (lavdf_row("train/x.mp4", "train", video=True, periods=((2, 1),)), "forged stretches"),
        (lavdf_row("train/x.mp4", "train", video=True, periods=((float("nan"), 1),)), "forged stretches"),
        (lavdf_row("train/x.mp4", "train", audio=True, periods=((1, 9),)), "ends at 9.0 s, and the video at 8.0 s"),
        (lavdf_row("train/x.mp4", "train") | {"fake_periods": [[0, 1]]}, "no forged modality"),
        ("text", "no object"),
    ],
)
def test_entries_of_lavdf_that_make_no_sense_are_errors(tmp_path, row, message):
    root = lavdf(tmp_path)
    written(root / "metadata.json", [row])
    with pytest.raises(DataError, match=message) as caught:
        LAVDF().read(root)
    assert "entry 0" in caught.value.where


def test_periods_of_lavdf_that_overlap_or_end_a_little_late_are_mended(tmp_path):
    root = lavdf(tmp_path)
    periods = ((7.5, 8.2), (1.0, 2.0), (1.5, 2.5), (4.0, 4.0))
    written(root / "metadata.json", [lavdf_row("train/000001.mp4", "train", video=True, audio=True, periods=periods)])
    (fake,) = LAVDF().scan(root).records
    assert fake.fake_segments == (Segment(1.0, 2.5), Segment(7.5, 8.0))


def test_an_empty_list_of_lavdf_tells_nothing(tmp_path):
    root = lavdf(tmp_path)
    written(root / "metadata.json", [lavdf_row("train/000001.mp4", "train", video=True, periods=())])
    (fake,) = LAVDF().scan(root).records
    assert fake.label == 1 and fake.fake_segments == ()


def test_modalities_of_avdeepfake1m_are_told_by_their_own_lists(tmp_path):
    root = avdeepfake1m(tmp_path)
    row = {
        "file": "train/id00012/21Uxsk56VDQ/00001/fake_video_fake_audio.mp4",
        "modify_type": "both-modified",
        "fake_segments": [[0.5, 1], [2, 3], [4, 5]],
        "visual_fake_segments": [[2, 3], [4, 5]],
        "audio_fake_segments": [[0.5, 1], [4, 5]],
    }
    written(root / "train_metadata.json", [row])
    fake = by_id(AVDeepfake1M().scan(root))["avdeepfake1m/train/id00012/21Uxsk56VDQ/00001/fake_video_fake_audio"]
    assert [segment.modality for segment in fake.fake_segments] == ["audio", "video", None]


def test_every_form_of_metadata_of_avdeepfake1m_tells_the_same(tmp_path):
    listed, clips, names = (
        by_id(AVDeepfake1M().scan(avdeepfake1m(tmp_path / f, form=f))) for f in ("list", "clip", "none")
    )
    assert len(listed) == 9 and listed.keys() == clips.keys() == names.keys()
    for name, record in listed.items():
        assert (clips[name].method, clips[name].fake_segments) == (record.method, record.fake_segments)
        for other in (clips[name], names[name]):
            assert (other.label, other.split, other.original) == (record.label, record.split, record.original)


def test_the_facts_of_avdeepfake1m(tmp_path):
    records = by_id(AVDeepfake1M().scan(avdeepfake1m(tmp_path)))
    fake = records["avdeepfake1m/val/id00013/21Uxsk56VDQ/00001/fake_video_fake_audio"]
    assert (fake.split, fake.label, fake.video_fake, fake.audio_fake) == ("val", 1, True, True)
    assert fake.fake_segments == (Segment(0.4, 0.88),) and (fake.duration_s, fake.fps) == (4.0, 25.0)
    assert fake.identities == {"id00013"}
    assert fake.original == "avdeepfake1m/val/id00013/21Uxsk56VDQ/00001/real"
    hidden = records["avdeepfake1m/test/000001"]
    assert (hidden.label, hidden.split, hidden.video_fake, hidden.identities) == (-1, "test", None, frozenset())


def test_segments_can_come_by_modality_and_paths_with_their_split_and_windows_separators(tmp_path):
    root = avdeepfake1m(tmp_path)
    row = {
        "file": "train\\id00012\\21Uxsk56VDQ\\00001\\fake_video_fake_audio.mp4",
        "modify_type": "both_modified",
        "visual_fake_segments": [[2, 3]],
        "audio_fake_segments": [[0.5, 1]],
    }
    written(root / "train_metadata.json", [row])
    scan = AVDeepfake1M().scan(root)
    fake = by_id(scan)["avdeepfake1m/train/id00012/21Uxsk56VDQ/00001/fake_video_fake_audio"]
    assert fake.fake_segments == (Segment(0.5, 1.0, modality="audio"), Segment(2.0, 3.0, modality="video"))
    assert set(scan.excluded.values()) == {"its list does not name it"} and len(scan.excluded) == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"file": "/x.mp4", "modify_type": "real"}, "no path below"),
        ({"file": "x.mp4", "modify_type": "other"}, "modify_type 'other'"),
        ({"file": "x.mp4", "modify_type": "audio_modified", "fake_segments": 3}, "forged stretches"),
        (7, "no object"),
    ],
)
def test_entries_of_avdeepfake1m_that_make_no_sense_are_errors(tmp_path, row, message):
    root = avdeepfake1m(tmp_path)
    written(root / "val_metadata.json", [row])
    with pytest.raises(DataError, match=message):
        AVDeepfake1M().read(root)
