"""The verdicts of the ensemble controls, and the commands of a case, in their order."""

import json
import math

import numpy as np
import pytest

from zoo.cli import _controls, ensemble_controls
from zoo.cli.ensemble_controls import _checks, _measure, _parser, _usable
from zoo.errors import ConfigError
from zoo.predictions import write_predictions
from zoo.structures import Prediction


def run(claim, seed, difference, p_value, before=0.1, after=0.05):
    against = {"member": "crops", "difference": difference, "p_value": p_value}
    calibration = {"before": {"ece": before}, "after": {"ece": after}}
    return {
        "claim": claim,
        "seed": seed,
        "figures": {"ensemble": {"against_best": against, "calibration": calibration}},
    }


def holds(runs):
    return {check["name"].split(":")[0] + check["bar"]: check["holds"] for check in _checks(runs)}


def test_every_seed_has_to_gain_for_certain():
    assert all(holds([run("differing", 0, 0.05, 0.01), run("differing", 1, 0.02, 0.049)]).values())
    assert not holds([run("differing", 0, 0.05, 0.01), run("differing", 1, 0.02, 0.05)])["differing< 0.05"]
    assert not holds([run("differing", 0, -0.05, 0.001)])["differing< 0.05"]


def test_a_loss_of_half_a_hundredth_is_the_most():
    assert holds([run("one_sided", 0, -0.005, 0.2), run("one_sided", 1, 0.1, 0.2)])["one_sided<= 0.005"]
    assert not holds([run("one_sided", 0, -0.0051, 0.2), run("one_sided", 1, 0.1, 0.2)])["one_sided<= 0.005"]


def test_calibration_has_to_lower_the_error_of_every_seed():
    found = [run("one_sided", 0, 0.0, 1.0), run("one_sided", 1, 0.0, 1.0, before=0.05, after=0.05)]
    assert not holds(found)["one_sided< 0.0"]
    assert holds(found[:1])["one_sided< 0.0"]


def predictions(path, quality, seed):
    """Scores of 80 videos that tell real from fake the better, the higher ``quality`` is."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(80):
        label = number % 2
        score = 1 / (1 + math.exp(-rng.normal((2 * label - 1) * quality)))
        rows.append(
            Prediction(
                sample_id=f"v{number}",
                video_id=f"v{number}",
                corpus="c",
                method="m" if label else "real",
                label=label,
                score=score,
            )
        )
    write_predictions(path, rows)


@pytest.fixture
def commands(monkeypatch):
    """What is run; each test leaves predictions, and those of an ensemble its figures."""
    ran = []
    qualities = {"ensemble_crops_xmodal_demo": 2.0, "dualbranch_tiny_ffpp": 1.0}

    def note(folder, *words, accepted=(0,)):
        ran.append(words)
        if words[0] != "test":
            return
        out = folder / words[1]
        out.mkdir(parents=True, exist_ok=True)
        predictions(out / "predictions.parquet", qualities.get(words[1], 0.3), seed=len(words[1]))
        calibration = {"before": {"ece": 0.1, "brier": 0.2}, "after": {"ece": 0.05, "brier": 0.2}}
        (out / "results.json").write_text(json.dumps({"ensemble": {"calibration": calibration}}))

    for module in (_controls, ensemble_controls):
        monkeypatch.setattr(module, "run_zoo", note)
    return ran


def test_a_case_trains_each_detector_once_and_compares_with_the_best_on_the_test_split(tmp_path, commands):
    options = _parser().parse_args(["--photos", str(tmp_path)])
    found = _measure(tmp_path / "case", "differing", 3, 40, options)
    trained = [words[1] for words in commands if words[0] == "train"]
    assert trained == [
        "dualbranch_tiny_ffpp",
        "xmodal_demo",
        "ensemble_crops_xmodal_demo",
        "audio_only",
        "visual_only",
        "ensemble_branches_demo",
        "xmodal_joint_demo",
    ]
    make = commands[0]
    assert (make[make.index("--identities") + 1], make[make.index("--people-per-photo") + 1]) == ("40", "1")
    crops, features = str(tmp_path / "case" / "crops"), str(tmp_path / "case" / "features")
    roots = {words[1]: words[words.index("--data-root") + 1] for words in commands if words[0] == "train"}
    assert (roots["dualbranch_tiny_ffpp"], roots["xmodal_joint_demo"]) == (crops, features)
    fit = next(words for words in commands if words[:2] == ("train", "ensemble_crops_xmodal_demo"))
    assert f"crops={crops}" in fit and f"cross_modal={features}" in fit
    assert f"ensemble.members.1.checkpoint={tmp_path / 'case' / 'xmodal_demo' / 'best.pth'}" in fit
    against = found["figures"]["ensemble"]["against_best"]
    assert against["member"] == "crops" and against["difference"] > 0.05 and against["p_value"] < 0.05
    assert found["figures"]["joint"]["against_best"]["member"] == "late"
    assert found["figures"]["ensemble"]["calibration"]["after"]["ece"] == 0.05
    assert not any("allow_leaks" in word for words in commands for word in words)


def test_a_case_that_is_resumed_keeps_trained_detectors(tmp_path, commands):
    options = _parser().parse_args(["--resume"])
    _measure(tmp_path / "case", "one_sided", 0, 6, options)
    first = [words[1] for words in commands if words[0] == "train"]
    assert first == ["dualbranch_tiny_ffpp", "xmodal_demo", "ensemble_crops_xmodal_demo"]
    assert any("allow_leaks" in word for word in commands[3]), "people after one face share the crops' audit"
    commands.clear()
    _measure(tmp_path / "case", "one_sided", 0, 6, options)
    assert [words[1] for words in commands if words[0] == "train"] == ["ensemble_crops_xmodal_demo"]


def test_people_are_as_many_as_photographs_allow(monkeypatch, tmp_path):
    monkeypatch.setattr(ensemble_controls, "count_photographs", lambda folder: 41)
    given = ["--photos", str(tmp_path)]
    assert _usable(_parser().parse_args(given)) == 40
    assert _usable(_parser().parse_args([*given, "--photographs", "13"])) == 12
    assert _usable(_parser().parse_args([])) == 6
    with pytest.raises(ConfigError, match="4 photographs are too few"):
        _usable(_parser().parse_args([*given, "--photographs", "5"]))
