"""Crops in a few zip archives: readable by anything, found by offset, safe to be killed at."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from zoo.datasets.packs import PACKS, CropPacks
from zoo.errors import DataError

RNG = np.random.default_rng(0)
CONTENT = {
    f"train/{label}/c/{video}/{n:02d}.jpg": RNG.bytes(int(RNG.integers(1, 400)))
    for label in ("real", "fake")
    for video in ("a b", "m\u00fcller \U0001f600", "z.mp4")
    for n in range(5)
}


def laid_out(root, content=CONTENT):
    for path, data in content.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def read_all(packs, paths):
    return {path: packs.read(int(row)) for path, row in zip(paths, packs.find(paths), strict=True) if row >= 0}


def loose_files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.jpg"))


@pytest.mark.parametrize("pack_bytes", [1 << 30, 1000, 1])
def test_packed_crops_are_read_back_and_the_files_are_gone(tmp_path, pack_bytes):
    packs = CropPacks(laid_out(tmp_path))
    assert packs.add(list(CONTENT), pack_bytes=pack_bytes) == 30
    assert read_all(packs, list(CONTENT)) == CONTENT == read_all(CropPacks(tmp_path), list(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == [PACKS]
    assert CropPacks(tmp_path).folders["train/real/c/a b"] == 5
    assert packs.find(["absent.jpg", ""]).tolist() == [-1, -1]


def test_any_zip_program_opens_a_pack(tmp_path):
    CropPacks(laid_out(tmp_path)).add(list(CONTENT), pack_bytes=2000)
    unpacked = {}
    archives = sorted((tmp_path / PACKS).glob("*.zip"))
    assert len(archives) > 1
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
            unpacked |= {name: archive.read(name) for name in archive.namelist()}
    assert unpacked == CONTENT


def test_equal_crops_give_equal_packs_whenever_they_are_written(tmp_path):
    for name, when in (("a", 1e9), ("b", 1.7e9)):
        root = laid_out(tmp_path / name)
        for path in CONTENT:
            os.utime(root / path, (when, when))
        CropPacks(root).add(list(CONTENT), pack_bytes=2000)
    files = sorted(path.name for path in (tmp_path / "a" / PACKS).iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b" / PACKS).iterdir()) and len(files) > 2
    for name in files:
        assert (tmp_path / "a" / PACKS / name).read_bytes() == (tmp_path / "b" / PACKS / name).read_bytes()


def test_more_crops_are_appended_as_packs_of_their_own(tmp_path):
    first, second = dict(list(CONTENT.items())[:13]), dict(list(CONTENT.items())[13:])
    packs = CropPacks(laid_out(tmp_path, first))
    packs.add(list(first))
    before = (tmp_path / PACKS / "crops-00000.zip").read_bytes()
    laid_out(tmp_path, second)
    assert packs.add(list(CONTENT)) == 17
    assert (tmp_path / PACKS / "crops-00000.zip").read_bytes() == before
    assert read_all(packs, list(CONTENT)) == CONTENT
    assert packs.add(list(CONTENT)) == 0
    assert len(list((tmp_path / PACKS).iterdir())) == 3


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(7))
def test_killed_between_any_two_steps_nothing_is_lost(tmp_path, monkeypatch, step):
    """Two packs, an index and the removal of files: a kill before each of them and in between."""
    root = laid_out(tmp_path)
    steps = iter(range(100))

    def counted(call):
        def wrapper(*arguments, **options):
            if next(steps) == step * (1 if step < 4 else 5):
                raise Killed
            return call(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted(os.replace))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        with pytest.raises(Killed):
            CropPacks(root).add(list(CONTENT), pack_bytes=3000)
    packs = CropPacks(root)
    there = read_all(packs, list(CONTENT))
    there |= {path: (root / path).read_bytes() for path in loose_files(root)}
    assert there == CONTENT
    packs.add(list(CONTENT), pack_bytes=3000)
    assert read_all(CropPacks(root), list(CONTENT)) == CONTENT
    assert loose_files(root) == []


def test_what_a_lost_or_short_pack_held_is_not_packed_any_more(tmp_path):
    packs = CropPacks(laid_out(tmp_path))
    packs.add(list(CONTENT), pack_bytes=2000)
    archives = sorted((tmp_path / PACKS).glob("*.zip"))
    packs.read(0)
    archives[0].unlink()
    archives[1].write_bytes(archives[1].read_bytes()[:900])
    again = CropPacks(tmp_path)
    there = read_all(again, list(CONTENT))
    assert 0 < len(there) < 30 and all(CONTENT[path] == data for path, data in there.items())
    missing = {path: data for path, data in CONTENT.items() if path not in there}
    laid_out(tmp_path, missing)
    assert again.add(list(CONTENT)) == len(missing)
    assert read_all(CropPacks(tmp_path), list(CONTENT)) == CONTENT


def test_a_pack_that_vanishes_while_it_is_read_is_one_clear_error(tmp_path):
    packs = CropPacks(laid_out(tmp_path))
    packs.add(list(CONTENT))
    row = int(packs.find(list(CONTENT)[:1])[0])
    (tmp_path / PACKS / "crops-00000.zip").rename(tmp_path / "elsewhere.zip")
    with pytest.raises(DataError, match="Repeat the preprocessing"):
        packs.read(row)


def test_an_index_that_is_none_is_refused(tmp_path):
    (tmp_path / PACKS).mkdir()
    (tmp_path / PACKS / "index.arrow").write_bytes(b"no index")
    with pytest.raises(DataError, match="index of the packs"):
        CropPacks(tmp_path).find(["a"])


def test_a_copy_opens_its_own_files(tmp_path):
    packs = CropPacks(laid_out(tmp_path))
    packs.add(list(CONTENT))
    path = next(iter(CONTENT))
    packs.read(int(packs.find([path])[0]))
    copy = pickle.loads(pickle.dumps(packs))
    assert copy._files == {} and copy.read(int(copy.find([path])[0])) == CONTENT[path]


def test_a_crop_that_is_not_there_ends_the_packing_and_keeps_the_others(tmp_path):
    root = laid_out(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        CropPacks(root).add([*CONTENT, "train/real/absent.jpg"])
    assert {path: (root / path).read_bytes() for path in loose_files(root)} == CONTENT


def test_no_packs_and_nothing_to_pack(tmp_path):
    packs = CropPacks(tmp_path)
    assert packs.find(["a", "b"]).tolist() == [-1, -1] and packs.folders == {}
    assert packs.add([]) == 0
    assert list(tmp_path.iterdir()) == []
