"""Celeb-DF v2, DFDC, DFD and WildDeepfake as they are downloaded: names, lists and archives."""

import csv
import json
import re
import tarfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from zoo.datasets.replica.celebdf import CelebDFReplica
from zoo.datasets.replica.dfd import SCENES, DFDReplica
from zoo.datasets.replica.dfdc import DFDCReplica
from zoo.datasets.replica.wilddeepfake import WildDeepfakeReplica

SMALL = {"duration_s": 1.0, "frame_size": (112, 112), "workers": 0}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_celebdf_lists_its_test_videos_with_one_for_real(tmp_path):
    CelebDFReplica(identities=4, takes=1, **SMALL).write(tmp_path)
    lines = (tmp_path / "List_of_testing_videos.txt").read_text().splitlines()
    assert lines and all(re.fullmatch(r"[01] \S+/\S+\.mp4", line) for line in lines)
    tested = dict(line.split(" ")[::-1] for line in lines)
    for path, label in tested.items():
        assert (tmp_path / path).is_file()
        assert label == ("0" if path.startswith("Celeb-synthesis/") else "1")
    assert names(tmp_path / "Celeb-real") == {f"id{person}_0000.mp4" for person in range(4)}
    fakes = names(tmp_path / "Celeb-synthesis")
    assert len(fakes) == 4 and all(re.fullmatch(r"id\d_id\d_0000\.mp4", name) for name in fakes)
    assert names(tmp_path / "YouTube-real") == {"00000.mp4", "00001.mp4"}
    people = {person for path in tested if "id" in path for person in re.findall(r"id\d", path)}
    for name in fakes:  # nobody is tested and trained on
        both = set(re.findall(r"id\d", name))
        assert both <= people if f"Celeb-synthesis/{name}" in tested else not both & people
    assert {path.split("/")[0] for path in tested} == {"Celeb-real", "Celeb-synthesis", "YouTube-real"}


def test_dfdc_keeps_an_original_and_its_fake_in_one_part(tmp_path):
    DFDCReplica(identities=6, takes=1, parts=2, **SMALL).write(tmp_path)
    parts = sorted(tmp_path.glob("dfdc_train_part_*"))
    assert [part.name for part in parts] == ["dfdc_train_part_0", "dfdc_train_part_1"]
    for part in parts:
        table = json.loads((part / "metadata.json").read_text())
        assert set(table) == names(part) - {"metadata.json"} and len(table) == 4
        assert all(re.fullmatch(r"[a-z]{10}\.mp4", name) for name in table)
        for row in table.values():
            assert row["split"] == "train" and row["label"] in ("REAL", "FAKE")
            if row["label"] == "FAKE":
                assert table[row["original"]]["label"] == "REAL"
            else:
                assert row["original"] is None
    with open(tmp_path / "test" / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["filename"] for row in rows} == names(tmp_path / "test") - {"labels.csv"}
    assert sorted(row["label"] for row in rows) == ["0", "0", "1", "1"]


def test_a_fake_of_dfdc_has_the_sound_of_its_original(tmp_path):
    DFDCReplica(identities=2, takes=1, **SMALL).write(tmp_path)
    table = json.loads((tmp_path / "dfdc_train_part_0" / "metadata.json").read_text())
    heard = {}
    for name in table:
        with av.open(str(tmp_path / "dfdc_train_part_0" / name)) as file:
            heard[name] = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
    fakes = {name: row["original"] for name, row in table.items() if row["label"] == "FAKE"}
    assert len(fakes) == 2
    for fake, original in fakes.items():
        assert heard[fake].std() > 0.01 and np.array_equal(heard[fake], heard[original])
    one, other = fakes.values()
    assert not np.array_equal(heard[one], heard[other])


def test_dfd_names_actors_scenes_and_codes(tmp_path):
    DFDReplica(identities=2, takes=2, compressions=("c23",), **SMALL).write(tmp_path)
    real = names(tmp_path / "original_sequences" / "actors" / "c23" / "videos")
    assert real == {f"{actor}__{scene}.mp4" for actor in ("01", "02") for scene in SCENES[:2]}
    folder = tmp_path / "manipulated_sequences" / "DeepFakeDetection"
    fakes = names(folder / "c23" / "videos")
    assert fakes == names(folder / "masks" / "videos")
    parsed = [re.fullmatch(r"(\d\d)_(\d\d)__([a-z_]+)__[A-Z0-9]{8}\.mp4", name).groups() for name in fakes]
    assert sorted(parsed) == sorted((*way, scene) for way in (("01", "02"), ("02", "01")) for scene in SCENES[:2])


def test_wilddeepfake_packs_numbered_faces(tmp_path):
    WildDeepfakeReplica(identities=4, takes=1, **SMALL).write(tmp_path)
    root = tmp_path / "deepfake_in_the_wild"
    assert names(root) == {"real_train", "real_test", "fake_train", "fake_test"}
    for folder in root.iterdir():
        label = folder.name.split("_")[0]
        assert names(folder) == {"1.tar.gz", "2.tar.gz"}
        with tarfile.open(folder / "2.tar.gz") as archive:
            members = archive.getmembers()
            assert [member.name for member in members] == [f"2/{label}/0/{frame}.png" for frame in (0, 5, 10, 15, 20)]
            content = np.frombuffer(archive.extractfile(members[0]).read(), np.uint8)
        assert cv2.imdecode(content, cv2.IMREAD_COLOR).shape == (224, 224, 3)


@pytest.mark.parametrize("replica", [CelebDFReplica, DFDCReplica, DFDReplica, WildDeepfakeReplica])
def test_the_default_is_two_clips_of_twenty_people(replica):
    clips = replica().clips
    assert sum(not clip.is_real for clip in clips) == 40
