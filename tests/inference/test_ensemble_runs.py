"""Ensembles from config: fitted by ``zoo train``, tested by ``zoo test``, members run once."""

import json
import shutil

import numpy as np
import pytest
from ensemble_helpers import TEST, VAL, evaluate, fake, make_world, told, train, write_member

from zoo.predictions import read_predictions, write_predictions


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def work(world, tmp_path_factory):
    """A work directory in which the ensemble was fitted."""
    folder = tmp_path_factory.mktemp("work")
    assert train(world / "both.py", folder, root=world / "tree") == 0
    return folder


@pytest.fixture
def copied(work, tmp_path):
    """The same, to be changed."""
    return shutil.copytree(work, tmp_path / "copied")


def read(path):
    return json.loads(path.read_text())


def test_training_writes_one_artefact_of_plain_values(world, work):
    artefact = read(work / "ensemble.json")
    assert artefact["format"] == "zoo-fitted-ensemble" and artefact["version"] == 1
    assert [member["name"] for member in artefact["members"]] == ["sight", "sound", "files"]
    sight, _, files = artefact["members"]
    assert (work / sight["checkpoint"]).resolve() == (world / "visual.pth").resolve()
    assert len(sight["sha256"]) == 64
    assert sight["config"]["model"]["type"] == "UnimodalTransformer"
    assert sight["data"]["kind"] == "npz_tree" and sight["data"]["split"] == "val"
    assert str(world / "tree") not in json.dumps(sight["config"])
    assert files["predictions"]["val"] == str(world / "val.parquet")
    assert artefact["validation"]["fitted_on"] == {"n": VAL, "n_real": VAL // 2, "n_fake": VAL // 2}
    assert artefact["validation"]["calibration"]["ece_after"] is not None
    assert set(artefact["without"]) == {"sight", "sound", "files"}
    assert artefact["best_member"] == max(artefact["members"], key=lambda member: member["figures"]["auc"])["name"]
    assert "zoo train" in (work / "commands.txt").read_text()
    assert not list(work.glob("*.partial"))


def test_members_run_once(world, copied, capsys):
    before = read(copied / "ensemble.json")
    kept = sorted(path.name for path in (copied / "members").glob("*.parquet"))
    assert len(kept) == 2
    assert train(world / "both.py", copied, root=world / "tree") == 0
    shown = capsys.readouterr().out
    assert f"sight: {VAL} predictions of val (cached)" in shown and "sound: 24 predictions of val (cached)" in shown
    assert f"files: {VAL} predictions of val (from {world / 'val.parquet'})" in shown
    assert read(copied / "ensemble.json")["ensemble"] == before["ensemble"]
    next((copied / "members").glob("sight-val-*.json")).unlink()
    assert train(world / "both.py", copied, root=world / "tree") == 0
    assert f"sight: {VAL} predictions of val (new)" in capsys.readouterr().out
    assert sorted(path.name for path in (copied / "members").glob("*.parquet")) == kept


def test_other_weights_are_another_member(world, copied, tmp_path, capsys):
    for name in ("visual.py", "audio.py", "audio.pth", "val.parquet", "test.csv", "splits.json"):
        shutil.copy(world / name, tmp_path / name)
    write_member(world / "visual.py", tmp_path / "visual.pth")
    override = f"ensemble.members.0.checkpoint={tmp_path / 'visual.pth'}"
    assert evaluate(world / "both.py", copied, "--cfg-options", override, root=world / "tree") == 2
    assert "not the one that the ensemble was fitted with" in capsys.readouterr().err
    assert train(world / "both.py", copied, "--cfg-options", override, root=world / "tree") == 0
    shown = capsys.readouterr().out
    assert "sight: 24 predictions of val (new)" in shown and "sound: 24 predictions of val (cached)" in shown
    assert evaluate(world / "both.py", copied, "--cfg-options", override, root=world / "tree") == 0


def test_testing_gives_the_figures_of_the_combined_scores(world, work, capsys):
    assert evaluate(world / "both.py", work, "--members", root=world / "tree") == 0
    results = read(work / "results.json")
    table = read_predictions(work / "predictions.parquet")
    assert len(table) == results["n"] == TEST
    assert set(table["members"].to_pylist()) == {"sight+sound+files"}
    assert table["sample_id"].to_pylist() == table["video_id"].to_pylist()
    told_of = results["ensemble"]
    assert told_of["coverage"] == {"sight+sound+files": TEST}
    compared = told_of["comparison"]
    assert set(compared["members"]) == set(compared["leave_one_out"]) == {"sight", "sound", "files"}
    assert compared["ensemble"]["auc"] == pytest.approx(results["video"]["auc"])
    for name, gain in compared["leave_one_out"].items():
        assert gain["gain"] == pytest.approx(gain["auc"] - gain["auc_without"]), name
    matrix = np.array(compared["error_correlation"]["matrix"])
    assert np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1)
    best = compared["best_member"]
    assert best["member"] == read(work / "ensemble.json")["best_member"]
    member = compared["members"][best["member"]]
    assert best["difference"] == pytest.approx(compared["ensemble"]["auc"] - member["auc"])
    assert best["low"] <= best["difference"] <= best["high"] and 0 < best["p_value"] <= 1
    assert (work / "error_correlation.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    for words in ("errors in common", "paired bootstrap", "calibration: ECE", "sight: 16 predictions of test"):
        assert words in shown


def test_scores_are_those_of_the_parts(world, work, tmp_path):
    from zoo.ensembles.ensemble import Ensemble
    from zoo.ensembles.joining import join

    assert evaluate(world / "both.py", work, root=world / "tree") == 0
    found = read_predictions(work / "predictions.parquet")
    parts = {
        name: read_predictions(next((work / "members").glob(f"{name}-test-*.parquet"))) for name in ("sight", "sound")
    }
    joined = join({**parts, "files": read_predictions(world / "test.csv")})
    again = Ensemble.from_state(read(work / "ensemble.json")["ensemble"]).predict(joined)
    assert again["score"].to_pylist() == pytest.approx(found["score"].to_pylist())
    raw = joined.scores.mean(axis=1)
    assert np.array_equal(np.argsort(raw), np.argsort(found["score"].to_numpy()))


@pytest.mark.slow
def test_members_side_by_side_give_the_same(world, work, tmp_path):
    assert train(world / "both.py", tmp_path, "--jobs", "2", root=world / "tree") == 0
    one, two = read(work / "ensemble.json"), read(tmp_path / "ensemble.json")
    assert one["ensemble"] == two["ensemble"]


def write_files(folder, *, rows):
    """An ensemble of files alone: name to the scores of videos, by split; returns its config."""
    members = []
    for name, splits in rows.items():
        files = {}
        for split, values in splits.items():
            files[split] = str(folder / f"{name}-{split}.parquet")
            write_predictions(files[split], [told(video, score) for video, score in values.items()])
        members.append(f"dict(name={name!r}, predictions={files!r})")
    path = folder / "files.py"
    path.write_text(
        f"ensemble = dict(members=[{', '.join(members)}], combiner=dict(type='LogitMeanCombiner'), "
        "calibrator=dict(type='TemperatureCalibrator'), abstention=dict(error=0.1))"
    )
    return path


def scores_of(videos, *, seed, strength=1.0):
    rng = np.random.default_rng(seed)
    logits = {name: rng.normal(strength * (2 * fake(name) - 1), 1.5) for name in videos}
    return {name: 1 / (1 + np.exp(-logit)) for name, logit in logits.items()}


def names(prefix, count):
    return [f"{kind}/{prefix}{index}" for kind in ("real", "fake") for index in range(count)]


def test_files_alone_beat_the_best_of_them_where_errors_differ(tmp_path):
    val, test = names("v", 150), names("t", 300)
    rows = {
        name: {"val": scores_of(val, seed=seed), "test": scores_of(test, seed=seed + 10)}
        for seed, name in enumerate(("a", "b", "c"))
    }
    config = write_files(tmp_path, rows=rows)
    assert train(config, tmp_path / "work") == 0
    assert evaluate(config, tmp_path / "work", "--members") == 0
    told_of = read(tmp_path / "work" / "results.json")["ensemble"]
    best = told_of["comparison"]["best_member"]
    assert best["difference"] > 0.02 and best["p_value"] < 0.05
    assert all(gain["gain"] > 0 for gain in told_of["comparison"]["leave_one_out"].values())
    assert told_of["decisions"]["reals_called_fake"] < 0.2
    assert sum(told_of["decisions"][name] for name in ("real", "fake", "abstain")) == len(test)


def test_a_video_that_a_member_does_not_score_is_scored_by_the_others(tmp_path):
    val, test = names("v", 30), names("t", 20)
    rows = {
        name: {"val": scores_of(val, seed=seed), "test": scores_of(test, seed=seed + 10)}
        for seed, name in enumerate(("picture", "sound"))
    }
    silent = test[3:8]
    for name in silent:
        del rows["sound"]["test"][name]
    config = write_files(tmp_path, rows=rows)
    assert train(config, tmp_path / "work") == 0
    assert evaluate(config, tmp_path / "work", "--members") == 0
    table = read_predictions(tmp_path / "work" / "predictions.parquet")
    by_name = dict(zip(table["video_id"].to_pylist(), table["members"].to_pylist(), strict=True))
    assert {name for name, members in by_name.items() if members == "picture"} == set(silent)
    assert table["score"].null_count == 0
    told_of = read(tmp_path / "work" / "results.json")["ensemble"]
    assert told_of["coverage"] == {"picture": len(silent), "picture+sound": len(test) - len(silent)}
    assert told_of["comparison"]["members"]["sound"]["videos"] == len(test) - len(silent)


def refusal(capsys, code):
    assert code == 2
    return capsys.readouterr().err


def test_members_without_a_common_video_are_refused(tmp_path, capsys):
    rows = {"a": {"val": scores_of(names("v", 20), seed=0)}, "b": {"val": scores_of(names("w", 20), seed=1)}}
    message = refusal(capsys, train(write_files(tmp_path, rows=rows), tmp_path / "work"))
    assert "no video in common" in message
    assert not (tmp_path / "work" / "ensemble.json").exists()


def test_validation_of_one_class_is_refused(tmp_path, capsys):
    videos = [name for name in names("v", 30) if name.startswith("real")]
    rows = {name: {"val": scores_of(videos, seed=seed)} for seed, name in enumerate("ab")}
    message = refusal(capsys, train(write_files(tmp_path, rows=rows), tmp_path / "work"))
    assert "one class: 30 real and 0 fake" in message


def test_a_file_that_is_asked_for_and_not_named_is_refused(tmp_path, capsys):
    rows = {name: {"val": scores_of(names("v", 30), seed=seed)} for seed, name in enumerate("ab")}
    config = write_files(tmp_path, rows=rows)
    assert train(config, tmp_path / "work") == 0
    capsys.readouterr()
    message = refusal(capsys, evaluate(config, tmp_path / "work"))
    assert "Member a has no predictions of the split 'test'" in message and "predictions=dict(test=FILE)" in message
    assert evaluate(config, tmp_path / "work", "--split", "val") == 0
    warnings = read(tmp_path / "work" / "results.json")["warnings"]
    assert any("a, b are those that the ensemble was fitted on" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "written by a newer zoo"),
        ({"format": "other"}, "Not an ensemble"),
        ({"members": []}, "other members"),
        ({"best_member": "none"}, "other members"),
        ({"ensemble": {}}, "do not fit together"),
        ({"settings": None}, "do not fit together"),
        ({"members": [{"name": "sight"}]}, "do not fit together"),
        ({"without": {}}, "do not fit together"),
    ],
)
def test_a_strange_artefact_is_refused(world, copied, capsys, changes, words):
    path = copied / "ensemble.json"
    path.write_text(json.dumps(read(path) | changes))
    assert words in refusal(capsys, evaluate(world / "both.py", copied, root=world / "tree"))


def test_an_artefact_that_is_absent_or_no_json_is_named(world, copied, capsys):
    evaluated = evaluate(world / "both.py", copied, root=world / "tree", artefact=copied / "none.json")
    assert "No such ensemble" in refusal(capsys, evaluated)
    evaluated = evaluate(world / "both.py", copied, root=world / "tree", artefact=world / "visual.pth")
    assert "cannot be read" in refusal(capsys, evaluated)
    evaluated = evaluate(world / "visual.py", copied, root=world / "tree", artefact=copied / "ensemble.json")
    assert "has no ensemble" in refusal(capsys, evaluated)


def test_another_config_than_the_fitted_one_is_refused(world, copied, capsys):
    options = ("--cfg-options", "ensemble.combiner.type=LogitMeanCombiner")
    message = refusal(capsys, evaluate(world / "both.py", copied, *options, root=world / "tree"))
    assert "fitted with another combiner" in message
    options = ("--cfg-options", "ensemble.members.0.name=eyes")
    message = refusal(capsys, evaluate(world / "both.py", copied, *options, root=world / "tree"))
    assert "the config has eyes, sound, files" in message


def test_a_checkpoint_that_moved_is_found_beside_the_artefact(world, copied, tmp_path):
    artefact = read(copied / "ensemble.json")
    shutil.copy(world / "visual.pth", copied / "kept.pth")
    artefact["members"][0]["checkpoint"] = "kept.pth"
    (copied / "ensemble.json").write_text(json.dumps(artefact))
    options = ("--cfg-options", f"ensemble.members.0.checkpoint={tmp_path / 'gone.pth'}")
    assert evaluate(world / "both.py", copied, *options, root=world / "tree") == 0
    (copied / "kept.pth").unlink()
    assert evaluate(world / "both.py", copied, *options, root=world / "tree") == 2


def test_roots_are_given_by_name(world, tmp_path, capsys):
    roots = ("--data-root", f"sight={world / 'tree'}", f"sound={world / 'tree'}")
    assert train(world / "both.py", tmp_path / "work", *roots) == 0
    capsys.readouterr()
    message = refusal(capsys, train(world / "both.py", tmp_path / "w", "--data-root", f"sigt={world}"))
    assert "no member is called 'sigt'. Did you mean 'sight'?" in message
    message = refusal(capsys, train(world / "both.py", tmp_path / "w", "--data-root", f"sight={world / 'none'}"))
    assert "of sight does not exist" in message
    message = refusal(capsys, train(world / "both.py", tmp_path / "w", "--data-root", f"files={world}"))
    assert "takes no data root" in message
    message = refusal(capsys, train(world / "both.py", tmp_path / "w", *roots[:2]))
    assert "No data root" in message


def test_options_of_single_detectors_and_of_ensembles_are_kept_apart(world, tmp_path, capsys):
    message = refusal(capsys, train(world / "both.py", tmp_path, "--launcher", "pytorch", root=world / "tree"))
    assert "--launcher has no meaning for an ensemble" in message
    message = refusal(capsys, train(world / "both.py", tmp_path, "--jobs", "0", root=world / "tree"))
    assert "--jobs" in message
    message = refusal(
        capsys,
        evaluate(world / "visual.py", tmp_path, "--members", root=world / "tree", artefact=world / "visual.pth"),
    )
    assert "--members is for ensembles" in message
    message = refusal(capsys, train(world / "visual.py", tmp_path, "--allow-mismatch", root=world / "tree"))
    assert "--allow-mismatch is for ensembles" in message


def test_a_member_may_have_options_of_its_own(world, tmp_path, capsys):
    from zoo.engine.checkpoint import read_published, save_checkpoint

    published = read_published(world / "visual.pth")
    text = (world / "both.py").read_text()
    text = text.replace(f"{world}/visual.pth", f"{tmp_path}/other.pth")
    text = text.replace('dict(name="sight",', 'dict(name="sight", options={"val_dataloader.dataset.seq_len": 9},')
    config = tmp_path / "options.py"
    config.write_text(text)
    tree = {"kind": "feature_store", "fingerprint": "f" * 64, "hash": "1"}
    save_checkpoint(tmp_path / "other.pth", published | {"provenance": tree})
    assert train(config, tmp_path / "work", root=world / "tree") == 0  # a tree of unknown origin is warned of
    assert "sight: The checkpoint was trained on features of extractor ffffffffffff" in capsys.readouterr().out
    assert read(tmp_path / "work" / "ensemble.json")["members"][0]["config"]["dataloader"]["dataset"]["seq_len"] == 9
    assert "val_dataloader.dataset.seq_len" in (tmp_path / "work" / "options.py").read_text()
