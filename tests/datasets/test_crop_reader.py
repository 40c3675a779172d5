"""Crops of a manifest, whether they lie as files, in packs or in both, here and in loader workers."""

import pickle

import cv2
import numpy as np
import pytest
from PIL import Image
from stub_faces import BLUE, GREEN, RED, SquareDetector, film, scene
from torch.utils.data import DataLoader, Dataset

from zoo.datasets.crop_reader import CropReader
from zoo.datasets.manifest import read_manifest
from zoo.datasets.packs import CropPacks
from zoo.datasets.preprocessing.crop_job import Encoding
from zoo.datasets.preprocessing.run import preprocess
from zoo.errors import DataError
from zoo.faces.pipeline import FaceCropper
from zoo.jobs.executors import InProcessExecutor
from zoo.media.choice import Evenly
from zoo.structures import VideoRecord


@pytest.fixture
def crops(tmp_path):
    records = []
    for name, colour in (("r\u00e9d one", RED), ("green", GREEN), ("blue", BLUE)):
        path = film(tmp_path / f"{name}.mp4", [scene((10 + k, 20, 40, colour)) for k in range(8)])
        records.append(
            VideoRecord(video_id=f"c/{name}", path=str(path), corpus="c", split="train", label=0, method="real")
        )
    cropper = FaceCropper(detector=SquareDetector(), choice=Evenly(4), image_size=24)
    output = tmp_path / "crops"
    preprocess(records, output, cropper, encoding=Encoding(format="png"), executor=InProcessExecutor())
    return output


class Pictures(Dataset):
    def __init__(self, reader):
        self.reader = reader

    def __len__(self):
        return len(self.reader)

    def __getitem__(self, row):
        return self.reader.picture(row)


def test_files_and_packs_and_both_are_the_same_pictures(crops):
    manifest = read_manifest(crops)
    files = CropReader(manifest)
    before = [files.picture(row) for row in range(len(files))]
    encoded = [files.encoded(row) for row in range(len(files))]
    assert len(before) == 12 and before[0].shape == (24, 24, 3)
    strongest = {"c/r\u00e9d one": 0, "c/green": 1, "c/blue": 2}
    for video_id, picture in zip(manifest.table["video_id"].to_pylist(), before, strict=True):
        assert picture[8:16, 8:16].mean(axis=(0, 1)).argmax() == strongest[video_id]
    paths = manifest.table["path"].to_pylist()
    for packed in (paths[:5], paths):
        CropPacks(crops).add(packed)
        reader = CropReader(read_manifest(crops))
        assert [reader.encoded(row) for row in range(len(reader))] == encoded
        assert all(np.array_equal(reader.picture(row), before[row]) for row in range(len(reader)))
    assert not list(crops.rglob("*.png"))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_readers_are_copied_into_loader_workers(crops, context):
    CropPacks(crops).add(read_manifest(crops).table["path"].to_pylist()[:8])
    reader = CropReader(read_manifest(crops))
    here = [reader.picture(row) for row in range(len(reader))]  # with a pack open
    loader = DataLoader(Pictures(reader), batch_size=None, num_workers=1, multiprocessing_context=context)
    assert all(np.array_equal(there, mine) for there, mine in zip(loader, here, strict=True))
    copy = pickle.loads(pickle.dumps(reader))
    assert np.array_equal(copy.picture(3), here[3])


def harmed(content):
    """What may be left of a picture: nothing, something else, a part of it."""
    return {"empty": b"", "other": b"no picture", "short": content[: len(content) // 2]}


@pytest.mark.parametrize("harm", ["empty", "other", "short"])
@pytest.mark.parametrize("form", ["png", "jpg"])
def test_a_crop_that_is_damaged_is_named(crops, form, harm):
    manifest = read_manifest(crops)
    reader = CropReader(manifest)
    path = crops / manifest.table["path"][2].as_py()
    path.write_bytes(harmed(Encoding(format=form).encode(reader.picture(2)))[harm])
    with pytest.raises(DataError, match="damaged or no picture") as caught:
        reader.picture(2)
    assert caught.value.where == str(path) and "Delete this file" in caught.value.next_step


def test_a_damaged_crop_in_a_pack_is_named_with_it(crops):
    manifest = read_manifest(crops)
    names = manifest.table["path"].to_pylist()
    (crops / names[2]).write_bytes(b"no picture")
    CropPacks(crops).add(names)
    with pytest.raises(DataError, match="damaged or no picture") as caught:
        CropReader(manifest).picture(2)
    assert names[2] in caught.value.where and "packs/crops-00000.zip" in caught.value.where
    assert "Delete crops-00000.zip" in caught.value.next_step


def test_a_crop_that_is_gone_is_named(crops):
    manifest = read_manifest(crops)
    (crops / manifest.table["path"][2].as_py()).unlink()
    with pytest.raises(DataError, match="cuts again what is missing"):
        CropReader(manifest).encoded(2)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "turned"])
def test_jpegs_of_all_kinds_are_read(crops, mode):
    manifest = read_manifest(crops)
    reader = CropReader(manifest)
    wanted = cv2.resize(np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3) * 4, (40, 50))
    exif = Image.Exif()
    if mode == "turned":
        exif[0x0112] = 6  # to be turned by 90 degrees
    picture = Image.fromarray(wanted).convert("RGB" if mode == "turned" else mode)
    picture.save(crops / manifest.table["path"][2].as_py(), "JPEG", quality=98, subsampling=0, exif=exif)
    if mode == "L":
        wanted = np.repeat(np.array(picture)[..., None], 3, axis=2)
    seen = reader.picture(2)
    np.testing.assert_allclose(np.rot90(seen) if mode == "turned" else seen, wanted, atol=9)
