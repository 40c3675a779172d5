"""The verdicts of the localization controls, what they run, and one seed from end to end at a tiny size."""

import json
from types import SimpleNamespace

import pytest

from zoo.cli import _controls, localize_controls, main
from zoo.cli.localize_controls import BARS, MODELS, _checks, _figures


def of_seed(seed, **changes):
    good = dict.fromkeys(BARS, 0.99)
    return {"seed": seed, "figures": {"cross_modal": good | changes, "audio_only": dict.fromkeys(BARS, 0.1)}}


def test_the_worst_seed_decides_and_twins_have_no_bar():
    checks = {check["name"]: check for check in _checks([of_seed(0), of_seed(1, **{"ap@0.75": 0.84})])}
    assert checks.keys() == BARS.keys()
    assert (checks["ap@0.75"]["worst"], checks["ap@0.75"]["holds"]) == (0.84, False)
    assert all(check["holds"] for name, check in checks.items() if name != "ap@0.75")


def results():
    figures = {"ap": {f"{at:.2f}": at for at in (0.5, 0.75, 0.9, 0.95)}, "mean_ap": 0.6, "truths": 7}
    figures["ar"] = {str(n): n / 100 for n in (5, 10, 20, 30, 50, 100)}
    lengths = [
        {"from_s": 0.0, "to_s": 0.5, "truths": 3, "found": {"0.50": 0.9}},
        {"from_s": 2.0, "to_s": None, "truths": 4, "found": {"0.50": 0.8}},
    ]
    localization = {"corrected": {"all": figures}, "lengths": lengths, "frames": {"auc": 0.97}}
    return {"localization": localization, "video": {"auc": 0.98}}


def test_figures_are_those_of_the_corrected_mode():
    found = _figures(results())
    assert (found["ap@0.5"], found["ap@0.95"], found["ar@50"]) == (0.5, 0.95, 0.5)
    assert (found["frame_auc"], found["video_auc"]) == (0.97, 0.98)
    assert (found["short_segments"], found["short_found@0.5"]) == (3, 0.9)


def test_all_three_detectors_are_trained_on_one_corpus(tmp_path, monkeypatch):
    ran = []
    for module in (_controls, localize_controls):
        monkeypatch.setattr(module, "run_zoo", lambda folder, *words: ran.append(words))
    for name in MODELS:
        (tmp_path / f"{name}.json").write_text(json.dumps(results()))
    found = localize_controls._measure(tmp_path, 3, SimpleNamespace(identities=8, takes=2))
    assert found["figures"].keys() == MODELS.keys()
    assert [words[0] for words in ran] == ["make-replica", "extract-features", *["train", "test"] * 3]
    assert [words[1] for words in ran if words[0] == "train"] == list(MODELS.values())
    assert ran[0][-2:] == ("--seed", "3") and "lavdf" in ran[0]


@pytest.mark.slow
def test_controls_from_end_to_end(tmp_path):
    given = ["--work-dir", str(tmp_path), "--seeds", "0", "--identities", "10", "--takes", "1", "--jobs", "1"]
    assert main(["localize-controls", *given]) == 1  # so little data meets no bar
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["runs"][0]["figures"].keys() == MODELS.keys()
    assert {check["name"] for check in summary["checks"]} == BARS.keys()
