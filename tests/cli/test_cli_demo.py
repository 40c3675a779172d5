"""The demo from end to end, small; and the verdicts of its controls."""

import json

import pytest

from zoo.cli import main
from zoo.cli.demo_controls import _checks


@pytest.mark.slow
def test_the_demo_ends_with_figures_and_a_report(tmp_path, capsys):
    assert main(["demo", "--work-dir", str(tmp_path), "--clips", "96", "--difficulty", "easy", "--people", "12"]) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["n"] >= 12
    assert results["video"]["auc"] >= 0.9
    told = capsys.readouterr().out
    assert f"AUC {results['video']['auc']:.3f}" in told
    localized = tmp_path / "localization"
    figures = json.loads((localized / "run" / "results.json").read_text())["localization"]["corrected"]["all"]
    assert figures["truths"] > 0
    assert f"AP@0.5 {figures['ap']['0.50']:.3f}" in told
    assert (localized / "segments.png").stat().st_size > 10_000
    assert "Localization" in (localized / "run" / "report.html").read_text()
    page = (tmp_path / "report.html").read_text()
    assert all(title in page for title in ("ROC", "Training", "Score timelines", "Confusion"))
    assert (tmp_path / "run" / "best.pth").is_file()
    assert (tmp_path / "predictions.parquet").is_file()


def test_a_step_that_fails_ends_the_demo_with_its_error(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", "--work-dir", str(tmp_path / "file"), "--clips", "12"]) == 2
    assert "error:" in capsys.readouterr().err


def controls(cross_modal=0.99, audio_only=0.5, file_size=0.51, difficulty="normal", seed=0):
    aucs = {"cross_modal": cross_modal, "audio_only": audio_only, "visual_only": 0.5}
    return {"difficulty": difficulty, "seed": seed, "auc": aucs, "trivial": {"file_size": file_size}}


def verdicts(*runs):
    return {check["name"]: (check["worst_auc"], check["holds"]) for check in _checks(runs)}


def test_the_worst_seed_decides():
    found = verdicts(controls(), controls(cross_modal=0.97, seed=1), controls(audio_only=0.66, file_size=0.6, seed=2))
    assert found == {
        "cross_modal at normal": (0.97, False),
        "audio_only at normal": (0.66, False),
        "visual_only at normal": (0.5, True),
        "file_size at normal": (0.6, False),
    }


def test_each_difficulty_has_its_bar():
    found = verdicts(controls(cross_modal=0.98), controls(cross_modal=0.86, difficulty="hard"))
    assert found["cross_modal at normal"] == (0.98, True)
    assert found["cross_modal at hard"] == (0.86, True)
