"""``zoo test`` end to end on a small feature tree: figures, predictions, refusals and warnings."""

import dataclasses
import json

import numpy as np
import pytest

from zoo.cli.test import main
from zoo.errors import CheckpointError, ConfigError, DataError

CONFIG = """
_base_ = ["zoo::_base_/runtime/default.py"]
model = dict(
    type="UnimodalTransformer",
    modality="visual",
    projection=dict(type="FeatureProjection", in_channels=8, out_channels=8),
    temporal=dict(type="TemporalTransformer", channels=8, num_layers=1, num_heads=2),
    head=dict(type="ClassificationHead", in_channels=8),
    loss=dict(type="BinaryCrossEntropyLoss"),
)
_loader = dict(
    batch_size=4, num_workers=0,
    sampler=dict(type="SequentialSampler"), collate_fn=dict(type="collate_features"),
)
_data = dict(type="FeatureDataset", seq_len=16, test_mode=True)
val_dataloader = dict(dataset=dict(split="val", **_data), **_loader)
test_dataloader = dict(dataset=dict(split="test", **_data), **_loader)
val_cfg = dict(type="EvaluationLoop")
test_cfg = dict(type="TestingLoop")
val_evaluator = test_evaluator = dict(type="ForgeryMetric")
del _loader, _data
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folder with ``tree`` (20 clips), ``small.py`` and ``small.pth``."""
    import torch

    import zoo
    from zoo.config import load_config

    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    ids = []
    for index in range(20):
        clip = f"{('real', 'fake')[index % 2]}/c{index:02d}"
        ids.append(clip)
        (folder / "tree" / clip).mkdir(parents=True)
        rows = int(rng.integers(9, 16))
        for stream in ("visual", "audio"):
            values = rng.normal(index % 2, 1, (rows, 8)).astype(np.float32)
            np.savez(folder / "tree" / clip / f"{stream}_embeddings.npz", embeddings=values)
    (folder / "splits.json").write_text(json.dumps({"train": ids[:4], "val": ids[4:8], "test": ids[8:]}))
    splits = f'splits_file="{folder / "splits.json"}"'
    (folder / "small.py").write_text(CONFIG.replace("seq_len=16", f"seq_len=16, {splits}"))
    torch.manual_seed(0)
    config = load_config(folder / "small.py")
    save(zoo.create_model(config), config, folder / "small.pth")
    return folder


def save(model, config, path, **changes):
    from zoo.engine.checkpoint import LABELS, PUBLISHED, VERSION, publish

    state = {
        "format": PUBLISHED,
        "version": VERSION,
        "state_dict": model.state_dict(),
        "architecture": config.model.to_dict(),
        "labels": dict(LABELS),
        "provenance": {},
        "metrics": {},
        "epoch": 3,
        "iteration": 30,
        "zoo_version": "0",
    }
    publish(state | changes, path)


def run(world, work_dir, *more, checkpoint="small.pth"):
    arguments = [str(world / "small.py"), str(world / checkpoint)]
    return main([*arguments, "--data-root", str(world / "tree"), "--work-dir", str(work_dir), *more])


def rewritten(world, path, **changes):
    from zoo.engine.checkpoint import read_published, save_checkpoint

    save_checkpoint(path, read_published(world / "small.pth") | changes)


def test_figures_and_predictions_are_those_of_the_model(world, tmp_path, capsys):
    import torch

    import zoo
    from zoo.metrics.summary import summarize
    from zoo.predictions import read_predictions

    assert run(world, tmp_path) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    table = read_predictions(tmp_path / "predictions.parquet")
    assert len(table) == results["n"] == results["video"]["n"] == 12
    again = summarize(table)
    assert {key: results[key] for key in again} == again
    assert results["model"]["type"] == "UnimodalTransformer"
    assert results["checkpoint"] == {"file": "small.pth", "epoch": 3, "iteration": 30, "zoo_version": "0"}
    assert results["data"]["split"] == "test"
    assert results["experiment"] == "small"

    model = zoo.load_model(world / "small.pth")
    for row in table.to_pylist():
        values = np.load(world / "tree" / row["video_id"] / "visual_embeddings.npz")["embeddings"]
        inputs = {
            "visual": torch.from_numpy(values)[None],
            "visual_mask": torch.ones(1, len(values), dtype=torch.bool),
        }
        assert row["score"] == pytest.approx(torch.sigmoid(model(inputs)).item(), abs=1e-5)
        assert row["label"] == int("fake" in row["video_id"])
        assert len(row["timeline"]) == len(values)
    shown = capsys.readouterr().out
    for words in ("AUC", "Equal error rate", "fake recall", "by video (n = 12)", "by sample (n = 12)", "results.json"):
        assert words in shown


def test_output_predictions_and_split_can_be_chosen(world, tmp_path):
    options = ("--output", str(tmp_path / "a.json"), "--predictions", str(tmp_path / "b.csv"), "--split", "val")
    assert (
        run(world, tmp_path / "work", *options, "--no-timelines", "--cfg-options", "val_dataloader.batch_size=3") == 0
    )
    results = json.loads((tmp_path / "a.json").read_text())
    assert results["n"] == 4
    assert any("validation data" in warning for warning in results["warnings"])
    assert (tmp_path / "b.csv").read_text().count("\n") == 5
    assert not list((tmp_path / "work").glob("*.json"))


def test_two_ranks_give_the_results_of_one(world, tmp_path):
    assert run(world, tmp_path / "one") == 0
    assert run(world, tmp_path / "two", "--launcher", "pytorch", "--nproc-per-node", "2") == 0
    one, two = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("one", "two"))
    for results in (one, two):
        del results["environment"]
    assert one == two
    assert one["sample"]["n"] == 12


def test_a_model_with_other_heads_is_refused(world, tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.temporal\.num_heads is 2 in the checkpoint and 4"):
        run(world, tmp_path, "--cfg-options", "model.temporal.num_heads=4")
    assert not (tmp_path / "results.json").exists()


def test_a_missing_or_damaged_checkpoint_is_named(world, tmp_path):
    with pytest.raises(CheckpointError, match="No such checkpoint"):
        run(world, tmp_path, checkpoint="none.pth")
    (world / "cut.pth").write_bytes((world / "small.pth").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="Not a whole checkpoint"):
        run(world, tmp_path, checkpoint="cut.pth")


def test_a_config_without_test_data_is_named(world, tmp_path):
    (tmp_path / "bare.py").write_text(
        (world / "small.py").read_text() + "\ntest_dataloader = test_cfg = test_evaluator = None"
    )
    with pytest.raises(ConfigError, match="lacks test_dataloader"):
        main([str(tmp_path / "bare.py"), str(world / "small.pth"), "--data-root", str(world / "tree")])


def test_training_and_testing_on_one_split_is_said(world, tmp_path):
    from zoo.features.sources import open_features

    told = open_features(world / "tree").provenance()
    rewritten(world, tmp_path / "leaky.pth", provenance=told | {"split": "test"})
    assert run(world, tmp_path, checkpoint=tmp_path / "leaky.pth") == 0
    warnings = json.loads((tmp_path / "results.json").read_text())["warnings"]
    assert any("trained on this very split (test)" in warning for warning in warnings)


def test_provenance_checks():
    from zoo.inference.provenance import check_provenance

    trained = {"fingerprint": "a" * 64, "hash": "1", "split": "train"}
    same = dict(trained, split="test")
    assert check_provenance(trained, same, allow_mismatch=False, where="x") == []
    other = dict(same, fingerprint="b" * 64, hash="2")
    with pytest.raises(
        DataError, match="extractor aaaaaaaaaaaa, these are features of extractor bbbbbbbbbbbb"
    ) as caught:
        check_provenance(trained, other, allow_mismatch=False, where="x")
    assert "--allow-mismatch" in caught.value.next_step
    assert len(check_provenance(trained, other, allow_mismatch=True, where="x")) == 1
    unknown = dict(same, fingerprint=None)
    assert "unknown origin" in check_provenance(trained, unknown, allow_mismatch=False, where="x")[0]
    whole = check_provenance(dict(trained, split=None), same, allow_mismatch=False, where="x")
    assert "has seen what it is tested on" in whole[0]
    assert check_provenance({}, {}, allow_mismatch=False, where="x") == []


def test_provenance_checks_of_crops():
    from zoo.inference.provenance import check_provenance

    trained = {"kind": "crops", "crop_hashes": ["a" * 64, "b" * 64], "split_hashes": ["1", "2"], "split": "train"}
    same = trained | {"crop_hashes": ["b" * 64], "split_hashes": ["2"], "split": "test"}
    assert check_provenance(trained, same, allow_mismatch=False, where="x") == []
    other = same | {"crop_hashes": ["b" * 64, "c" * 64]}
    match = "crops made as aaaaaaaaaaaa and bbbbbbbbbbbb, these are crops made as cccccccccccc"
    with pytest.raises(DataError, match=match) as caught:
        check_provenance(trained, other, allow_mismatch=False, where="x")
    assert "--allow-mismatch" in caught.value.next_step and "preprocess.json" in caught.value.next_step
    assert len(check_provenance(trained, other, allow_mismatch=True, where="x")) == 1
    features = {"kind": "feature_store", "fingerprint": "f" * 64, "hash": "1", "split": "test"}
    with pytest.raises(DataError, match="these are features of extractor ffffffffffff"):
        check_provenance(trained, features, allow_mismatch=False, where="x")
    (warning,) = check_provenance({}, same, allow_mismatch=False, where="x")
    assert "trained on crops made as unknown origin" in warning
    seen = check_provenance(trained, same | {"split": "train"}, allow_mismatch=False, where="x")
    assert "this very split (train)" in seen[0]
    leaky = trained | {"leaks": 3, "leaks_found": "3 people in train and test"}
    assert "3 people in train and test" in check_provenance(leaky, same, allow_mismatch=False, where="x")[0]


def test_what_a_reader_must_know_is_said():
    from zoo.inference.evaluation import warnings_of

    @dataclasses.dataclass
    class Data:
        excluded: dict
        n: int

        def __len__(self):
            return self.n

    summary = {"status": {"ok": 5, "no_face": 2}, "n": 7}
    notes = warnings_of(summary, Data({"a": "decode_error", "b": "decode_error"}, 9), split="test")
    assert notes == [
        "2 clips could not be used and are not in the figures: 2 decode_error.",
        "2 samples have no score and are not in the figures: 2 no_face.",
        "Only 7 different samples of 9 were evaluated.",
    ]
    assert warnings_of({"status": {"ok": 7}, "n": 7}, Data({}, 7), split="test") == []
