"""Crops of a manifest, whether they lie as files, in packs or in both, here and in loader workers."""

import pickle

import numpy as np
import pytest
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


def test_a_crop_that_is_gone_or_no_picture_is_named(crops):
    manifest = read_manifest(crops)
    reader = CropReader(manifest)
    path = crops / manifest.table["path"][2].as_py()
    path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="no picture"):
        reader.picture(2)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="no picture"):
        reader.picture(2)
    path.unlink()
    with pytest.raises(DataError, match="cuts again what is missing"):
        reader.encoded(2)
