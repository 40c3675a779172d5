"""``zoo evaluate`` on files made elsewhere: figures, frozen thresholds, refusals, exit codes."""

import json

import numpy as np
import pytest

from zoo.cli.evaluate import STRICT, main
from zoo.errors import DataError
from zoo.predictions import read_scores


def write(path, *, seed=0, first=0, header="video_id,label,score"):
    rng = np.random.default_rng(seed)
    lines = [header]
    for number in range(60):
        label = number % 2
        lines.append(f"v{first + number:03d},{label},{1 / (1 + np.exp(-rng.normal(1.5 * label))):.6f}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def evaluated(tmp_path, *arguments):
    out = tmp_path / "out.json"
    assert main([*arguments, "--json", str(out), "--bootstrap", "50"]) == 0
    return json.loads(out.read_text())


def names_of(results):
    return {warning["name"] for warning in results["warnings"]}


def test_three_columns_are_enough(tmp_path, capsys):
    results = evaluated(tmp_path, write(tmp_path / "scores.csv"))
    assert results["video"]["n"] == 60
    assert len(results["video"]["intervals"]["auc"]) == 2
    assert "columns_assumed" in names_of(results)
    shown = capsys.readouterr().out
    for words in (
        "AUC",
        "Brier score",
        "by video",
        "50 replicates, by video, 60 clusters",
        "warning: threshold_default",
    ):
        assert words in shown


def test_a_threshold_is_frozen_on_validation_and_used_from_its_file(tmp_path, capsys):
    test, val = write(tmp_path / "test.csv"), write(tmp_path / "val.csv", seed=1, first=500)
    kept = str(tmp_path / "t.json")
    first = evaluated(tmp_path, test, "--threshold-from", val, "--save-threshold", kept)
    second = evaluated(tmp_path, test, "--threshold-file", kept)
    assert first["threshold"] == second["threshold"] != 0.5
    assert first["threshold_origin"]["origin"] == "validation"
    assert first["video"] == second["video"]
    assert "frozen" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["--threshold-from", "--threshold-file"])
def test_a_threshold_of_the_evaluated_videos_is_refused_or_labelled(tmp_path, way, capsys):
    test, copy = write(tmp_path / "test.csv"), write(tmp_path / "named_val.csv", seed=5)  # the same videos
    source = copy
    if way == "--threshold-file":
        source = str(tmp_path / "t.json")
        evaluated(tmp_path, write(tmp_path / "x.csv", first=700), "--threshold-from", copy, "--save-threshold", source)
    with pytest.raises(DataError, match="chosen on 60 of the videos"):
        main([test, way, source])
    results = evaluated(tmp_path, test, way, source, "--threshold-on-this-split")
    assert "threshold_on_test" in names_of(results)
    assert "flattering" in results["threshold_origin"]["text"]
    assert "flattering" in capsys.readouterr().out
    assert main([test, way, source, "--threshold-on-this-split", "--strict", "--bootstrap", "0"]) == STRICT


def test_leaks_against_a_list_and_a_comparison(tmp_path, capsys):
    test, other = write(tmp_path / "test.csv"), write(tmp_path / "other.csv", seed=9)
    (tmp_path / "train.csv").write_text("video_id,split\nv003,train\nv004,test\n")
    results = evaluated(tmp_path, test, "--against", other, "--train-manifest", str(tmp_path / "train.csv"))
    assert results["isolation"]["shared"]["videos"] == 1
    assert "leaky_split" in names_of(results)
    assert results["comparisons"][other]["common"] == 60
    assert "warning: leaky_split" in capsys.readouterr().out


def test_repeated_rows_count_once_and_contradicting_ones_are_refused(tmp_path):
    path = tmp_path / "scores.csv"
    write(path)
    line = path.read_text().splitlines()[1]
    path.write_text(path.read_text() + line + "\n")
    table, notes = read_scores(path)
    assert len(table) == 60
    assert "duplicates" in notes
    path.write_text(path.read_text() + line.rpartition(",")[0] + ",0.123\n")
    with pytest.raises(DataError, match="repeat a sample_id"):
        read_scores(path)
