"""Whole runs on crops: training and evaluation by the real tools, on one rank and on two."""

import json
import os
from pathlib import Path

import pytest
from crop_helpers import clip, corpus, write_crops

from zoo.cli import main as zoo
from zoo.cli.test import main as evaluate
from zoo.cli.train import main as train
from zoo.config import load_config
from zoo.engine.checkpoint import newest_valid, read_published
from zoo.errors import ConfigError, DataError

CONFIG = """
_base_ = [
    "zoo::_base_/datasets/crops.py",
    "zoo::_base_/schedules/warmup_cosine.py",
    "zoo::_base_/runtime/default.py",
]
custom_imports = dict(imports=["crop_parts"])
model = dict(type="MeanColour")
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(frames_per_video=2, allow_leaks=False)
)
val_dataloader = dict(num_workers=0)
test_dataloader = dict(num_workers=0)
train_cfg = dict(max_epochs=2)
param_scheduler = None
optim_wrapper = dict(optimizer=dict(lr=0.5))
default_hooks = dict(pictures=None, report=None, summary=None)
visualizer = None
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """``mine`` and ``packed`` are the same crops, ``wide`` is cut otherwise, ``leaky`` has a person in two splits."""
    folder = tmp_path_factory.mktemp("crops")
    (folder / "colour.py").write_text(CONFIG)
    write_crops(folder / "mine", *corpus(videos=8))
    write_crops(folder / "packed", *corpus(videos=8), packed=True)
    write_crops(folder / "wide", *corpus("d"), margin=0.5)
    write_crops(folder / "leaky", *corpus("e"), clip("e/x", "test", 0, identities=["e-train-0"]))
    assert (
        train([str(folder / "colour.py"), "--data-root", str(folder / "mine"), "--work-dir", str(folder / "run")]) == 0
    )
    return folder


def evaluated(world, root, work_dir, *more, checkpoint=None):
    checkpoint = checkpoint or newest_valid(world / "run")
    arguments = [str(world / "colour.py"), str(checkpoint), "--data-root", str(world / root)]
    assert evaluate([*arguments, "--work-dir", str(work_dir), *more]) == 0
    return json.loads((work_dir / "results.json").read_text())


def test_the_checkpoint_tells_what_it_was_trained_on(world):
    told = read_published(newest_valid(world / "run"))["provenance"]
    assert told["kind"] == "crops" and told["leaks"] == 0 and told["split"] == "train"
    assert told["corpora"] == {"c": 48} and told["samples"] == 16
    assert len(told["split_hash"]) == 64 == len(told["crop_hashes"][0])


@pytest.mark.parametrize("root", ["mine", "packed"])
def test_a_trained_detector_is_evaluated_on_every_crop(world, tmp_path, capsys, root):
    results = evaluated(world, root, tmp_path)
    shown = capsys.readouterr().out
    assert "by video (n = 8)" in shown and "by frame (n = 48)" in shown
    assert results["levels"] == {"video": "video", "sample": "frame"}
    assert results["warnings"] == []
    assert results["sample"]["n"] == 48 and results["video"]["n"] == 8
    assert results["video"]["auc"] == 1.0
    assert results["data"]["crop_hashes"] == read_published(newest_valid(world / "run"))["provenance"]["crop_hashes"]


def test_crops_that_were_made_otherwise_are_refused_unless_asked_for(world, tmp_path):
    with pytest.raises(DataError, match=r"trained on crops made as [0-9a-f]{12}, these are crops made as") as caught:
        evaluated(world, "wide", tmp_path)
    assert "--allow-mismatch" in caught.value.next_step
    assert not (tmp_path / "results.json").exists()
    results = evaluated(world, "wide", tmp_path, "--allow-mismatch")
    assert results["sample"]["n"] == 24
    assert [warning for warning in results["warnings"] if "these are crops made as" in warning]


def test_evaluation_on_what_was_trained_on_is_said(world, tmp_path):
    results = evaluated(world, "mine", tmp_path, "--cfg-options", "test_dataloader.dataset.split=train")
    assert any("this very split (train)" in warning for warning in results["warnings"])


def test_training_on_leaks_is_refused_unless_the_config_says_so(world, tmp_path):
    arguments = [str(world / "colour.py"), "--data-root", str(world / "leaky"), "--work-dir", str(tmp_path / "run")]
    with pytest.raises(DataError, match="people in train and test"):
        train(arguments)
    assert newest_valid(tmp_path / "run") is None
    assert train([*arguments, "--cfg-options", "train_dataloader.dataset.allow_leaks=True"]) == 0
    published = newest_valid(tmp_path / "run")
    assert read_published(published)["provenance"]["leaks"] == 1
    results = evaluated(world, "leaky", tmp_path / "test", checkpoint=published)
    assert any("splits leak (1 people in train and test)" in warning for warning in results["warnings"])


def test_validation_on_other_manifests_is_audited_too(world, tmp_path):
    write_crops(tmp_path / "crossing", *corpus("f"), clip("f/x", "val", 1, sources=["c/train0"]))
    arguments = [str(world / "colour.py"), "--data-root", str(world / "mine"), "--work-dir", str(tmp_path / "run")]
    with pytest.raises(DataError, match="source videos in train and val"):
        train([*arguments, "--val-data-root", str(tmp_path / "crossing")])


def test_corpora_are_mixed_and_validated_on_another(world, tmp_path):
    for name, videos in (("north", 8), ("south", 2), ("east", 6)):
        crops = corpus(name, videos=videos)
        for row in (row for rows in crops for row in rows):
            row["corpus"] = name
        write_crops(tmp_path / name, *crops)
    run = tmp_path / "run"
    options = ["--data-root", str(tmp_path / "north"), str(tmp_path / "south"), "--work-dir", str(run)]
    options += ["--val-data-root", str(tmp_path / "east"), "--cfg-options", "train_dataloader.drop_last=False"]
    config = str(world / "colour.py")
    assert train([config, *options, "train_dataloader.sampler.mixer.by=[corpus,label]"]) == 0
    log = next(run.glob("*/*.log")).read_text()
    counts = "20 (north/fake/swap 5, north/real/real 5, south/fake/swap 5, south/real/real 5)"
    assert f"draws an epoch: {counts}" in log and f"epoch 2 drew what was announced: {counts}" in log
    assert read_published(newest_valid(run))["provenance"]["corpora"] == {"north": 48, "south": 12}
    kept = load_config(next(run.glob("*.py")))
    assert kept.val_dataloader.dataset.data_root == str(tmp_path / "east")

    mixer = ["train_dataloader.sampler.mixer.weights.north=1", "train_dataloader.sampler.mixer.weights.sooth=2"]
    (tmp_path / "weighted.py").write_text(
        f"_base_ = [{config!r}]\n"
        "train_dataloader = dict(sampler=dict(mixer=dict(_delete_=True, type='WeightedMixer', weights={'south': 1})))\n"
    )
    with pytest.raises(ConfigError, match=r"no 'sooth'\. Did you mean 'south'") as caught:
        train([str(tmp_path / "weighted.py"), *options, *mixer, "--work-dir", str(tmp_path / "other")])
    assert "The data has: north/real/real, south/real/real" in caught.value.next_step


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_crop_in_mid_epoch_ends_training_with_one_clear_message(world, tmp_path, capsys, workers):
    root = write_crops(tmp_path / "crops", *corpus(videos=8))
    damaged = root / "c/train2/004.png"
    damaged.write_bytes(damaged.read_bytes()[:40])
    arguments = ["train", str(world / "colour.py"), "--data-root", str(root), "--work-dir", str(tmp_path / "run")]
    options = ["train_dataloader.dataset.frames_per_video=6", f"train_dataloader.num_workers={workers}"]
    assert zoo([*arguments, "--cfg-options", *options]) == 2
    told = capsys.readouterr().err
    message = told[told.index("error: ") :].strip().splitlines()
    assert len(message) == 3 and "Traceback" not in told and "worker process" not in told
    assert "damaged or no picture" in message[0] and "sample c/train2#004" in message[0]
    assert str(damaged) in message[1] and "Delete this file and repeat the preprocessing" in message[2]


def test_two_ranks_train_on_one_split(world, tmp_path, monkeypatch):
    here = f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", here)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    arguments = [str(world / "colour.py"), "--data-root", str(world / "mine"), "--work-dir", str(tmp_path / "run")]
    assert train([*arguments, "--launcher", "pytorch", "--nproc-per-node", "2"]) == 0
    checkpoint = newest_valid(tmp_path / "run")
    told = (read_published(path)["provenance"] for path in (checkpoint, newest_valid(world / "run")))
    assert next(told) == next(told)


def test_the_base_config_and_lists_of_roots(world, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_ROOT", raising=False)
    roots = [str(world / "mine"), str(world / "wide")]
    config = load_config(world / "colour.py", {"data_root": roots}, needs_data=True)
    assert config.test_dataloader.dataset.data_root == roots
    typed = load_config(world / "colour.py", [f"data_root=[{','.join(roots)}]"], needs_data=True)
    assert typed.train_dataloader.dataset.data_root == roots
    with pytest.raises(DataError, match="absent does not exist"):
        load_config(world / "colour.py", {"data_root": [roots[0], "absent"]}, needs_data=True)
    monkeypatch.setenv("ZOO_DATA_ROOT", roots[0])
    assert load_config(world / "colour.py").val_dataloader.dataset.data_root == roots[0]
