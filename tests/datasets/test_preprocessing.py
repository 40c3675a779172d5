"""A list of videos to crops and their manifest: what is written, what is repeated, what is refused."""

import json
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
from preprocess_helpers import cut, left_in, make_cropper, make_records, record, statuses, walking
from stub_faces import BLUE, GREEN, RED, SquareDetector, film, scene

from zoo.datasets.crop_reader import CropReader
from zoo.datasets.manifest import MANIFEST, read_manifest
from zoo.datasets.packs import CropPacks
from zoo.datasets.preprocessing.crop_job import Encoding
from zoo.datasets.preprocessing.run import JOURNAL, REPORT, SETTINGS, missed_frames
from zoo.errors import ConfigError, DataError, WorkDirError
from zoo.faces.align import template
from zoo.jobs.executors import ProcessExecutor
from zoo.jobs.ownership import OWNER_FILE, own
from zoo.media.choice import Clips


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return make_records(tmp_path_factory.mktemp("videos"))


def test_what_a_run_leaves(records, tmp_path):
    report = cut(records, tmp_path)
    assert (report.videos, report.with_crops, report.done_now, report.failures) == (6, 6, 6, ())
    assert (report.frames, report.frames_with_face, report.share_with_face) == (24, 24, 1.0)
    assert report.crops == {"train": {"fake": 8, "real": 8}, "val": {"fake": 4, "real": 4}}
    assert report.detectors == {"SquareDetector": 24}
    manifest = read_manifest(tmp_path)
    first = manifest.table.slice(0, 1).to_pylist()[0]
    assert first["sample_id"] == "c/video 0.mp4#00_000000"
    assert first["path"] == "train/real/c/video 0.mp4/00_000000.jpg"
    assert (first["label"], first["split"], first["detector"]) == (0, "train", "SquareDetector")
    np.testing.assert_allclose(first["box"], [6, 24, 46, 64], atol=2.5)
    points = np.array(manifest.table["points"].to_pylist()).reshape(-1, 5, 2)
    np.testing.assert_allclose(points, np.broadcast_to(template(size=24, margin=1.4), (24, 5, 2)), atol=0.5)
    assert len(set(manifest.table["phash"].to_pylist())) >= 3
    reader = CropReader(manifest)
    assert {reader.picture(row).shape for row in range(len(reader))} == {(24, 24, 3)}
    written = json.loads((tmp_path / REPORT).read_text())
    assert (written["videos"], written["share_with_face"]) == (6, 1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["train", "val", JOURNAL, MANIFEST, REPORT, SETTINGS]
    )


def test_a_second_run_does_nothing_and_leaves_the_same_bytes(records, tmp_path):
    cut(records, tmp_path)
    before, changed = left_in(tmp_path), (tmp_path / "train").stat().st_mtime_ns
    again = cut(records, tmp_path)
    assert (again.done_now, again.with_crops) == (0, 6)
    assert left_in(tmp_path) == before and (tmp_path / "train").stat().st_mtime_ns == changed


def test_workers_and_the_order_of_videos_do_not_matter(records, tmp_path):
    cut(records, tmp_path / "here")
    cut(records[::-1], tmp_path / "there", executor=ProcessExecutor(workers=2, timeout_s=60, memory_bytes=1 << 30))
    assert left_in(tmp_path / "here") == left_in(tmp_path / "there")


def test_more_videos_are_added_and_fewer_are_left_out(records, tmp_path):
    cut(records[:3], tmp_path / "grown")
    assert cut(records, tmp_path / "grown").done_now == 3
    cut(records, tmp_path / "at once")
    assert left_in(tmp_path / "grown") == left_in(tmp_path / "at once")
    assert cut(records[:2], tmp_path / "grown").done_now == 0
    assert set(read_manifest(tmp_path / "grown").table["video_id"].to_pylist()) == {
        "c/video 0.mp4",
        "c/video 1.mp4",
    }


@pytest.mark.parametrize("harm", ["deleted", "emptied", "folder", "everything"])
def test_crops_that_are_gone_are_cut_again(records, tmp_path, harm):
    cut(records, tmp_path)
    before = left_in(tmp_path)
    crop = tmp_path / "train/real/c/video 0.mp4/00_000001.jpg"
    if harm == "deleted":
        crop.unlink()
    elif harm == "emptied":
        crop.write_bytes(b"")
    else:
        folder = crop.parent if harm == "folder" else tmp_path / "train"
        folder.rename(tmp_path.parent / f"{tmp_path.name} moved away")
    assert cut(records, tmp_path).done_now == (4 if harm == "everything" else 1)
    assert left_in(tmp_path) == before


def test_a_folder_that_holds_other_files_is_put_right(records, tmp_path):
    folder = tmp_path / "train/real/c/video 0.mp4"
    (folder / "nested").mkdir(parents=True)
    (folder / "00_000077.jpg").write_bytes(b"of another time")
    (folder / "nested" / "kept.txt").write_bytes(b"not ours")
    cut(records, tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [*(f"00_{n:06d}.jpg" for n in range(4)), "nested"]
    assert (folder / "nested" / "kept.txt").read_bytes() == b"not ours"


def test_a_video_whose_split_or_label_changed_moves(records, tmp_path):
    cut(records, tmp_path / "a")
    changed = [replace(records[0], split="val", label=1), *records[1:]]
    assert cut(changed, tmp_path / "a").done_now == 1
    cut(changed, tmp_path / "b")
    assert left_in(tmp_path / "a") == left_in(tmp_path / "b")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"cropper": make_cropper(margin=0.5)}, "margin 0.2, now 0.5"),
        ({"cropper": make_cropper(detector=SquareDetector(least=12))}, "detector_fingerprint"),
        ({"encoding": Encoding(format="png")}, "encoding"),
        ({"reuse_boxes": True}, "reuse_boxes False, now True"),
    ],
)
def test_other_settings_are_refused_and_told(records, tmp_path, options, what):
    cut(records[:2], tmp_path)
    before = left_in(tmp_path)
    with pytest.raises(DataError, match="in another way") as caught:
        cut(records, tmp_path, **options)
    assert what in str(caught.value) and "new --output" in str(caught.value)
    assert left_in(tmp_path) == before


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b"7", b"\xff"])
def test_settings_that_cannot_be_read_are_refused(records, tmp_path, content):
    (tmp_path / SETTINGS).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        cut(records, tmp_path)


def test_a_folder_that_another_run_owns_is_refused(records, tmp_path):
    ownership = own(tmp_path)
    owner = (tmp_path / OWNER_FILE).read_text().replace(f'"pid": {os.getpid()}', '"pid": 1')
    ownership.release()
    one = json.loads(owner)
    (tmp_path / OWNER_FILE).write_text(json.dumps({**one, "machine": "another", "host": "node-2"}))
    with pytest.raises(WorkDirError, match="node-2"):
        cut(records, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [OWNER_FILE]
    (tmp_path / OWNER_FILE).unlink()
    cut(records[:1], tmp_path)
    assert not (tmp_path / OWNER_FILE).exists()


def test_every_video_is_accounted_for(tmp_path):
    walking(tmp_path / "good.mp4")
    film(tmp_path / "empty room.mp4", [scene()] * 8)
    (tmp_path / "text.mp4").write_text("no video")
    names = ["good", "empty room", "text", "absent"]
    report = cut([record(tmp_path / f"{name}.mp4", f"c/{name}") for name in names], tmp_path / "out")
    assert statuses(report) == {"c/empty room": "no_face", "c/text": "not_media", "c/absent": "missing"}
    assert (report.videos, report.with_crops, report.frames, report.frames_with_face) == (4, 1, 8, 4)
    assert report.share_with_face == 0.5
    assert all(failure.reason for failure in report.failures)
    missed = missed_frames([record(tmp_path / "empty room.mp4", "c/empty room")], tmp_path / "out")
    assert [one.time_s for one in missed] == pytest.approx([0.1, 0.3, 0.5, 0.7], abs=0.11)
    walking(tmp_path / "text.mp4")
    again = cut([record(tmp_path / f"{name}.mp4", f"c/{name}") for name in names], tmp_path / "out")
    assert (again.done_now, statuses(again)) == (1, {"c/empty room": "no_face", "c/absent": "missing"})


def test_a_list_without_a_single_face_has_a_manifest_too(tmp_path):
    film(tmp_path / "a.mp4", [scene()] * 4)
    report = cut([record(tmp_path / "a.mp4")], tmp_path / "out")
    assert (report.with_crops, read_manifest(tmp_path / "out").table.num_rows) == (0, 0)
    assert cut([], tmp_path / "none").videos == 0


def test_losses_of_the_decoder_are_told(tmp_path):
    path = walking(tmp_path / "cut off.mp4", frames=40, container="mpegts", gop=5)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3 - 300])
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 400] = bytes(400)
    path.write_bytes(bytes(damaged))
    report = cut([record(path)], tmp_path / "out")
    assert list(report.incomplete) == ["c/cut off.mp4"]


@pytest.mark.parametrize(("form", "suffix"), [("png", ".png"), ("jpg", ".jpg")])
def test_formats_of_crops(records, tmp_path, form, suffix):
    cut(records[:1], tmp_path, encoding=Encoding(format=form, quality=80))
    path = tmp_path / read_manifest(tmp_path).table["path"][0].as_py()
    assert path.suffix == suffix
    stored = cv2.imread(str(path))[..., ::-1]
    exact = make_cropper().crop(records[0]).pictures[0]
    assert np.array_equal(stored, exact) == (form == "png")
    assert np.abs(stored.astype(int) - exact).mean() < 12
    with pytest.raises(ConfigError, match="not stored"):
        Encoding(format="gif")
    with pytest.raises(ConfigError, match="not stored"):
        Encoding(quality=0)


def test_packed_crops_are_there(records, tmp_path):
    cut(records[:4], tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()
    CropPacks(tmp_path).add(read_manifest(tmp_path).table["path"].to_pylist(), pack_bytes=1)
    assert cut(records[:4], tmp_path).done_now == 0
    assert (tmp_path / MANIFEST).read_bytes() == before
    sorted((tmp_path / "packs").glob("*.zip"))[0].unlink()
    assert cut(records[:4], tmp_path).done_now == 1
    assert (tmp_path / MANIFEST).read_bytes() == before
    CropPacks(tmp_path).add(read_manifest(tmp_path).table["path"].to_pylist())
    reader = CropReader(read_manifest(tmp_path))
    assert all(reader.picture(row).any() for row in range(len(reader)))


def family(root, *, choice_frames=30):
    """A genuine video, a fake with its frames, and one whose original is not in the list."""
    genuine = walking(root / "genuine.mp4", frames=choice_frames)
    fake = walking(root / "fake.mp4", frames=choice_frames, colour=BLUE)
    return [
        record(fake, "c/swap/0_1", label=1, method="swap", original="c/real/0"),
        record(genuine, "c/real/0"),
        record(walking(root / "other.mp4", colour=GREEN), "c/swap/7_8", label=1, original="c/real/7"),
    ]


def boxes_of(output, video_id):
    return [row["box"] for row in read_manifest(output).table.to_pylist() if row["video_id"] == video_id]


@pytest.mark.parametrize("options", [{}, {"align": True}, {"choice": Clips(2, 4)}])
def test_fakes_are_cut_at_the_boxes_of_their_originals(tmp_path, options):
    records = family(tmp_path)
    report = cut(records, tmp_path / "out", cropper=make_cropper(**options), reuse_boxes=True)
    assert report.failures == ()
    assert report.detectors["original"] == report.detectors["SquareDetector"] // 2
    assert boxes_of(tmp_path / "out", "c/swap/0_1") == boxes_of(tmp_path / "out", "c/real/0") != []
    assert boxes_of(tmp_path / "out", "c/swap/7_8") != []
    assert cut(records, tmp_path / "out", cropper=make_cropper(**options), reuse_boxes=True).done_now == 0


def test_a_fake_waits_for_an_original_that_failed_at_first(tmp_path):
    records = family(tmp_path)
    whole = (tmp_path / "genuine.mp4").read_bytes()
    (tmp_path / "genuine.mp4").write_bytes(b"damaged for now")
    first = cut(records, tmp_path / "out", reuse_boxes=True)
    assert statuses(first) == {"c/real/0": "not_media"} and first.with_crops == 2
    (tmp_path / "genuine.mp4").write_bytes(whole)
    assert cut(records, tmp_path / "out", reuse_boxes=True).done_now == 2
    cut(records, tmp_path / "at once", reuse_boxes=True)
    assert left_in(tmp_path / "out") == left_in(tmp_path / "at once")


def test_an_original_without_a_face_leaves_the_fake_to_the_detector(tmp_path):
    film(tmp_path / "genuine.mp4", [scene()] * 10)
    fake = walking(tmp_path / "fake.mp4", colour=RED)
    records = [record(tmp_path / "genuine.mp4", "c/0"), record(fake, "c/1", label=1, original="c/0")]
    report = cut(records, tmp_path / "out", reuse_boxes=True)
    assert (statuses(report), report.detectors) == ({"c/0": "no_face"}, {"SquareDetector": 4})


def test_two_records_with_one_id_are_refused(records, tmp_path):
    with pytest.raises(DataError, match="Two videos have the id"):
        cut([records[0], records[0]], tmp_path)
