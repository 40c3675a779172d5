"""``zoo infer`` with an ensemble of a detector of crops and one of sound, on raw videos."""

import shutil

import numpy as np
import pytest
from infer_helpers import COLOURS, infer, read_rows, write_checkpoint
from stub_faces import SquareDetector, film, scene

from zoo.ensembles.combiners.mean import MeanCombiner
from zoo.ensembles.ensemble import Ensemble
from zoo.features.extractor import Extractor
from zoo.features.log_mel import LogMel
from zoo.features.mouth import MouthPixels
from zoo.files import sha256_of
from zoo.inference.ensembles.artefact import FittedEnsemble
from zoo.predictions import read_predictions

RATE = 16_000
SOUND = {
    "type": "UnimodalTransformer",
    "modality": "audio",
    "projection": {"type": "FeatureProjection", "in_channels": 512, "out_channels": 8},
    "temporal": {"type": "TemporalTransformer", "channels": 8, "num_layers": 1, "num_heads": 2},
    "head": {"type": "ClassificationHead", "in_channels": 8},
    "loss": {"type": "BinaryCrossEntropyLoss"},
}
LOADERS = {
    "crops": {"dataset": {"type": "CropDataset", "split": "val"}},
    "sound": {
        "batch_size": 2,
        "sampler": {"type": "SequentialSampler"},
        "collate_fn": {"type": "collate_features"},
        "dataset": {"type": "FeatureDataset", "seq_len": 16, "modality": "audio", "split": "val", "test_mode": True},
    },
}
NAMES = ["loud 0.mp4", "loud 1.mp4", "no face.mp4", "silent.mp4"]


def make_extractor(**options):
    return Extractor(visual=MouthPixels(), audio=LogMel(), face_detector=SquareDetector(), **options)


@pytest.fixture(autouse=True)
def stubs(stub_detector, monkeypatch):
    import zoo.inference.ensembles.raw_features

    monkeypatch.setattr(
        zoo.inference.ensembles.raw_features, "trained_detector", lambda settings, where: SquareDetector()
    )


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    sound = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    for name, colour in zip(NAMES, COLOURS, strict=True):
        frames = [scene(*[] if name == "no face.mp4" else [(6 + 2 * k, 20, 40, colour)]) for k in range(10)]
        film(root / name, frames, **({} if name == "silent.mp4" else {"audio": sound, "rate": RATE}))
    return root


def write_artefact(folder, *, members=("crops", "sound"), fingerprint=None):
    """An ensemble of the mean, with a checkpoint beside it for every member but ``files``."""
    folder.mkdir(exist_ok=True)
    told = []
    for seed, name in enumerate(members):
        entry = {"name": name, "sha256": "0" * 64, "data": {}, "figures": {}}
        if name == "files":
            told.append(entry | {"predictions": {"val": "val.csv"}})
            continue
        how = {"seed": seed}
        if name == "sound":
            made = make_extractor().fingerprint() if fingerprint is None else fingerprint
            how |= {"model": SOUND, "provenance": {"kind": "feature_store", "fingerprint": made}}
        path = write_checkpoint(folder / f"{name}.pth", **how)
        config = {"dataloader": LOADERS[name]}
        told.append(entry | {"sha256": sha256_of(path), "checkpoint": path.name, "config": config})
    fitted = FittedEnsemble(
        experiment="small",
        settings={"combiner": {"type": "MeanCombiner"}, "calibrator": None, "abstention": None},
        members=tuple(told),
        ensemble=Ensemble(members, MeanCombiner()).state(),
        without=dict.fromkeys(members),
        best_member=members[0],
        validation={},
        path=folder / "ensemble.json",
    )
    fitted.write()
    return fitted.path


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    return write_artefact(tmp_path_factory.mktemp("ensemble"))


def rows_of(path):
    return {row["video_id"]: row for row in read_predictions(path).to_pylist()}


def test_every_video_is_scored_by_those_that_can(artefact, videos, tmp_path, capsys):
    output = tmp_path / "out.csv"
    assert infer(artefact, videos, output, "--default-score", "0.5") == 0
    rows = rows_of(tmp_path / "out.predictions.parquet")
    assert sorted(rows) == NAMES
    members = {name: row["members"] for name, row in rows.items()}
    assert members == {
        "loud 0.mp4": "crops+sound",
        "loud 1.mp4": "crops+sound",
        "silent.mp4": "crops",
        "no face.mp4": None,
    }
    assert rows["no face.mp4"]["status"] == "no_face"
    alone = {}
    assert infer(artefact.parent / "crops.pth", videos, tmp_path / "crops.csv", "--default-score", "0.5") == 0
    alone = rows_of(tmp_path / "crops.predictions.parquet")
    assert rows["silent.mp4"]["score"] == pytest.approx(alone["silent.mp4"]["score"])
    assert rows["loud 0.mp4"]["score"] != pytest.approx(alone["loud 0.mp4"]["score"], abs=1e-6)
    written = dict(read_rows(output)[1:])
    assert float(written["loud 1.mp4"]) == pytest.approx(rows["loud 1.mp4"]["score"])
    shown = capsys.readouterr().out
    assert "crops: ImageDetector by TorchBackend" in shown and "sound: features of 4 videos" in shown


def test_sound_scores_what_the_detector_scores(artefact, videos, tmp_path):
    import torch

    import zoo

    assert infer(artefact, videos, tmp_path / "out.csv", "--default-score", "0.5") == 0
    assert infer(artefact.parent / "crops.pth", videos, tmp_path / "crops.csv", "--default-score", "0.5") == 0
    both = rows_of(tmp_path / "out.predictions.parquet")["loud 0.mp4"]["score"]
    crops = rows_of(tmp_path / "crops.predictions.parquet")["loud 0.mp4"]["score"]
    features = make_extractor().extract(videos / "loud 0.mp4")
    inputs = {
        "audio": torch.from_numpy(features.audio)[None],
        "audio_mask": torch.from_numpy(features.audio_mask)[None],
    }
    with torch.inference_mode():
        heard = torch.sigmoid(zoo.load_model(artefact.parent / "sound.pth")(inputs)).item()
    assert both == pytest.approx((crops + heard) / 2, abs=1e-4)


def test_a_repeated_run_extracts_and_cuts_nothing_again(artefact, videos, tmp_path, monkeypatch):
    assert infer(artefact, videos, tmp_path / "out.csv") == 3  # one has no face
    first = rows_of(tmp_path / "out.predictions.parquet")
    extracted = []
    monkeypatch.setattr(Extractor, "extract", lambda self, path: extracted.append(path))
    shutil.rmtree(tmp_path / "out.csv.run" / "logs")
    assert infer(artefact, videos, tmp_path / "out.csv", "--default-score", "0.5") == 0
    again = rows_of(tmp_path / "out.predictions.parquet")
    assert all(again[name]["score"] == first[name]["score"] for name in NAMES)
    assert not [path for path in extracted if "no face" not in str(path)]


def test_a_folder_of_pictures_has_no_sound(artefact, tmp_path):
    import cv2

    (tmp_path / "pictures").mkdir()
    for index, colour in enumerate(COLOURS):
        cv2.imwrite(str(tmp_path / "pictures" / f"{index}.png"), scene((20, 10, 50, colour))[..., ::-1])
    assert infer(artefact, tmp_path / "pictures", tmp_path / "out.csv") == 0
    rows = rows_of(tmp_path / "out.predictions.parquet")
    assert {row["members"] for row in rows.values()} == {"crops"}


def test_a_checkpoint_that_changed_is_refused(artefact, videos, tmp_path, capsys):
    folder = shutil.copytree(artefact.parent, tmp_path / "copied")
    write_checkpoint(folder / "crops.pth", seed=7)
    assert infer(folder / "ensemble.json", videos, tmp_path / "out.csv") == 2
    assert "not the one that the ensemble was fitted with" in capsys.readouterr().err
    (folder / "crops.pth").unlink()
    assert infer(folder / "ensemble.json", videos, tmp_path / "out.csv") == 2
    assert "crops is not there" in capsys.readouterr().err


def test_an_extractor_that_is_not_known_is_refused(videos, tmp_path, capsys):
    strange = make_extractor().fingerprint() | {"audio": "LogMel 0000"}
    for name, fingerprint, words in (
        ("other", strange, "arguments that the checkpoint does not tell (audio: LogMel 0000)"),
        ("none", "text", "does not say how the features of its training were extracted"),
    ):
        path = write_artefact(tmp_path / name, fingerprint=fingerprint)
        assert infer(path, videos, tmp_path / f"{name}.csv") == 2
        message = capsys.readouterr().err
        assert "Member sound" in message and words in message


def test_files_have_no_part_in_new_scores(videos, tmp_path, capsys):
    path = write_artefact(tmp_path / "three", members=("crops", "files"))
    assert infer(path, videos, tmp_path / "out.csv", "--default-score", "0.5") == 0
    assert "files: predictions in files, which have no part" in capsys.readouterr().out
    path = write_artefact(tmp_path / "one", members=("files",))
    assert infer(path, videos, tmp_path / "no.csv") == 2
    assert "All members of the ensemble are files" in capsys.readouterr().err
    assert infer(tmp_path / "three" / "ensemble.json", videos, tmp_path / "x.csv", "--only-estimate") == 2
    assert "--only-estimate is for one detector" in capsys.readouterr().err
