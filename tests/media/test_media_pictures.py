"""Stills: their order, their turning, archives, and what is no picture."""

import io
import os
import tarfile

import numpy as np
import pytest
from mutations import mutate
from PIL import Image

from zoo.errors import MediaError
from zoo.media.choice import Clips, Evenly
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import Limits
from zoo.media.pictures import is_stills, iter_pictures


def gray(value, size=(8, 6)):
    return Image.new("RGB", size, (value,) * 3)


def encoded(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def folder_of(root, pictures):
    root.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (root / name).write_bytes(content)
    return root


def archive_of(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def values(path, **options):
    return [int(frame[0, 0, 0]) for _, frame in iter_pictures(path, **options)]


def status_of(path, **options):
    with pytest.raises(MediaError) as caught:
        list(iter_pictures(path, **options))
    return caught.value.status


NUMBERED = {f"{number}.png": encoded(gray(number)) for number in (10, 2, 1, 33, 100)}


def test_pictures_come_in_the_natural_order_of_their_names(tmp_path):
    root = folder_of(tmp_path, {**NUMBERED, ".hidden.png": encoded(gray(7)), "notes.txt": b"no picture"})
    (root / "folder.png").mkdir()
    ledger = DecodeLedger()
    found = list(iter_pictures(root, ledger=ledger))
    assert [int(frame[0, 0, 0]) for _, frame in found] == [1, 2, 10, 33, 100]
    assert [time for time, _ in found] == [0, 1, 2, 3, 4]
    assert ledger.complete and ledger.expected_frames == 5


@pytest.mark.parametrize(
    ("choice", "places"),
    [(Evenly(2), [2, 7]), (Evenly(99), range(10)), (Clips(2, 3), [1, 2, 3, 6, 7, 8]), (None, range(10))],
)
def test_pictures_are_chosen_as_frames_are(tmp_path, choice, places):
    root = folder_of(tmp_path, {f"{number}.png": encoded(gray(number)) for number in range(10)})
    assert values(root, choice=choice) == pytest.approx(list(places), abs=1 if choice == Evenly(2) else 0)
    assert [time for time, _ in iter_pictures(root, choice=choice)] == values(root, choice=choice)


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    picture = gray(0, (8, 6))
    picture.paste((255, 255, 255), (0, 0, 8, 1))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top row is to be on the right
    (tmp_path / "a.jpg").write_bytes(encoded(picture, "JPEG", quality=100, exif=exif))
    ((_, frame),) = iter_pictures(tmp_path / "a.jpg")
    assert frame.shape == (8, 6, 3)
    assert frame[:, -1].min() > 200 and frame[:, 0].max() < 60


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (4, 4), 100),
        Image.new("RGBA", (4, 4), (100, 100, 100, 0)),
        gray(100, (4, 4)).convert("P"),
        Image.fromarray(np.full((4, 4), 100 * 257, np.uint16)),
    ],
    ids=["gray", "alpha", "palette", "16 bit"],
)
def test_other_kinds_of_pixels_become_rgb(tmp_path, picture):
    (tmp_path / "a.png").write_bytes(encoded(picture))
    ((_, frame),) = iter_pictures(tmp_path / "a.png")
    assert (frame.shape, frame.dtype) == ((4, 4, 3), np.uint8)
    assert np.abs(frame.astype(int) - 100).max() <= 2


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_folder_of_an_archive_is_read_without_unpacking(tmp_path, mode):
    members = {f"people/7/{name}": content for name, content in NUMBERED.items()}
    members |= {"people/77/5.png": encoded(gray(5)), "people/7/._1.png": b"x", "people/7/a.txt": b"x"}
    path = archive_of(tmp_path / ("a.tar.gz" if mode == "w:gz" else "a.tar"), members, mode)
    ledger = DecodeLedger()
    assert values(path, member="people/7", ledger=ledger) == [1, 2, 10, 33, 100]
    assert ledger.complete
    assert values(path, member="people/77") == [5]
    assert status_of(path, member="people/8") == "no_video"


def test_names_that_lead_out_and_links_write_and_read_nothing_outside(tmp_path):
    (tmp_path / "secret.png").write_bytes(encoded(gray(9)))
    path = tmp_path / "inside" / "a.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for name in ("../escaped.png", "/tmp/escaped-absolute.png", "x/1.png"):
            entry = tarfile.TarInfo(name)
            entry.size = len(content := encoded(gray(1)))
            archive.addfile(entry, io.BytesIO(content))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo("x/2.png")
            link.type, link.linkname = kind, "../../secret.png"
            archive.addfile(link)
    assert values(path, member="x") == [1]
    assert values(path) == [1, 1, 1]  # read as bytes of the archive, wherever their names lead
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["a.tar", "inside", "secret.png"]


def test_an_archive_that_ends_early_is_not_taken_for_a_whole_one(tmp_path):
    path = archive_of(tmp_path / "a.tar", NUMBERED)
    whole = path.read_bytes()
    header = whole.index(b"33.png")
    for damage in (
        whole[:header] + b"X" + whole[header + 1 :],  # its checksum is wrong now
        whole[:header],  # cut off between two members
    ):
        path.write_bytes(damage)
        ledger = DecodeLedger()
        assert values(path, ledger=ledger) == [1, 2, 10]
        assert not ledger.complete and "what follows is lost" in ledger.summary()
    path.write_bytes(whole[: header + 100])
    ledger = DecodeLedger()
    assert values(path, ledger=ledger) == [1, 2, 10]
    assert not ledger.complete
    path.write_bytes(whole[:700])
    assert status_of(path) == "not_media"


def test_what_cannot_be_decoded_is_told_and_the_others_go_on(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    whole = encoded(noise, "JPEG")
    root = folder_of(
        tmp_path,
        {
            "1.jpg": whole,
            "2.jpg": whole[: len(whole) // 2],
            "3.jpg": b"",
            "4.jpg": b"not a picture",
            "5.png": whole,  # the suffix does not matter
        },
    )
    ledger = DecodeLedger()
    assert [time for time, _ in iter_pictures(root, ledger=ledger)] == [0, 4]
    assert (ledger.expected_frames, ledger.decoded_frames, len(ledger.errors)) == (5, 2, 3)
    assert not ledger.complete and "2.jpg" in ledger.errors[0]


def test_a_file_that_vanishes_meanwhile_is_one_loss(tmp_path):
    root = folder_of(tmp_path, NUMBERED)
    ledger = DecodeLedger()
    frames = iter_pictures(root, ledger=ledger)
    next(frames)
    (root / "10.png").unlink()
    assert [int(frame[0, 0, 0]) for _, frame in frames] == [2, 33, 100]
    assert not ledger.complete


def test_nothing_to_read_has_a_status(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.tar").write_bytes(b"no archive at all")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff")
    assert status_of(tmp_path / "absent") == "missing"
    assert status_of(tmp_path / "absent.jpg") == "missing"
    assert status_of(tmp_path / "empty") == "no_video"
    assert status_of(tmp_path / "a.tar") == "not_media"
    assert status_of(tmp_path / "b.jpg") == "decode_error"


def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path):
    (tmp_path / "bomb.png").write_bytes(encoded(Image.new("1", (16_000, 16_000))))
    assert (tmp_path / "bomb.png").stat().st_size < 50_000
    assert status_of(tmp_path / "bomb.png") == "too_large"
    assert status_of(folder_of(tmp_path / "many", NUMBERED), limits=Limits(max_frames=4)) == "too_many_frames"
    path = archive_of(tmp_path / "a.tar", NUMBERED)
    assert status_of(path, limits=Limits(max_frames=3)) == "too_many_frames"


@pytest.mark.parametrize("place", ["folder", "archive"])
def test_a_file_of_enormous_size_is_not_read(tmp_path, place, monkeypatch):
    monkeypatch.setattr("zoo.media.pictures._MOST_BYTES", 100)
    content = {"1.bmp": encoded(gray(1, (20, 20)), "BMP")}
    path = folder_of(tmp_path / "f", content) if place == "folder" else archive_of(tmp_path / "a.tar", content)
    assert status_of(path) == "too_large"
    if place == "folder":
        assert status_of(path / "1.bmp") == "too_large"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "tar", "tar.gz"])
def test_damaged_pictures_end_as_media_errors_or_losses(tmp_path, form):
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    if form.startswith("tar"):
        path = tmp_path / f"a.{form}"
        pictures = {f"x/{n}.png": encoded(Image.fromarray(np.roll(noise, n))) for n in range(4)}
        data = archive_of(path, pictures, "w:gz" if form == "tar.gz" else "w").read_bytes()
        count = 4
    else:
        path, data, count = tmp_path / f"a.{form.lower()}", encoded(Image.fromarray(noise), form), 1
    outcomes = set()
    for seed in range(120):
        path.write_bytes(mutate(data, seed))
        ledger = DecodeLedger()
        try:
            came = len(list(iter_pictures(path, ledger=ledger)))
        except MediaError as error:
            outcomes.add(error.status)
            continue
        assert came == count or not ledger.complete, (seed, came)
    assert outcomes


def test_what_counts_as_stills(tmp_path):
    (tmp_path / "x.mp4").mkdir()
    assert is_stills(tmp_path / "x.mp4") and is_stills("a.JPG") and is_stills("a.tar.gz") and is_stills("b.tar")
    assert not is_stills("a.mp4") and not is_stills("a.gif")


def test_a_pipe_among_the_pictures_is_not_waited_for(tmp_path):
    root = folder_of(tmp_path, NUMBERED)
    os.mkfifo(root / "5.png")
    assert values(root) == [1, 2, 10, 33, 100]
