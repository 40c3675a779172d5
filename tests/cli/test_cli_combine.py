"""``zoo combine``: members of two formats, fitted parts, what is kept and loaded again, refusals, no partial files."""

import json

import numpy as np
import pytest

from zoo.cli import USER_ERROR, run
from zoo.cli.combine import main
from zoo.errors import CheckpointError, ConfigError, DataError, UnknownComponent
from zoo.predictions import read_predictions, write_predictions
from zoo.structures import Prediction

VIDEOS = 120


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn(seed, *, first=0):
    """Ids, labels, and scores [n, 2] of two members that err apart."""
    random = np.random.default_rng(seed)
    labels = np.arange(VIDEOS) % 2
    logits = random.normal(size=(VIDEOS, 2)) + 2 * (labels[:, None] - 0.5)
    return [f"v{first + number:04d}" for number in range(VIDEOS)], labels, 1 / (1 + np.exp(-3 * logits))


def write_parquet(path, ids, labels, scores):
    rows = [
        Prediction(sample_id=name, video_id=name, corpus="toy", method="m", label=int(label), score=float(score))
        for name, label, score in zip(ids, labels, scores, strict=True)
    ]
    write_predictions(path, rows)


def write_csv(path, ids, labels, scores):
    lines = [
        f"{name},{label},{score!r}" for name, label, score in zip(ids, labels.tolist(), scores.tolist(), strict=True)
    ]
    path.write_text("\n".join(["video_id,label,score", *lines]) + "\n")


@pytest.fixture
def members(folder):
    """``visual.parquet`` and ``audio.csv``, which lacks the first three videos, and the same for validation."""
    for name, seed, first in (("", 0, 0), ("_val", 1, 5000)):
        ids, labels, scores = drawn(seed, first=first)
        write_parquet(folder / f"visual{name}.parquet", ids, labels, scores[:, 0])
        write_csv(folder / f"audio{name}.csv", ids[3:], labels[3:], scores[3:, 1])
    return ["visual.parquet", "audio.csv"]


FIT = ["--fit-on", "visual_val.parquet", "audio_val.csv"]


def combined(*arguments):
    assert main([*arguments, "--output", "out.parquet"]) == 0
    return read_predictions("out.parquet")


def test_the_mean_of_a_parquet_and_a_csv_file(members, capsys):
    table = combined(*members)
    ids, labels, scores = drawn(0)
    expected = scores.mean(axis=1)
    expected[:3] = scores[:3, 0]
    assert table["video_id"].to_pylist() == ids
    assert table["label"].to_pylist() == labels.tolist()
    np.testing.assert_allclose(table["score"].to_numpy(), expected, rtol=1e-12)
    assert table["members"].to_pylist() == ["visual"] * 3 + ["visual+audio"] * (VIDEOS - 3)
    assert set(table["corpus"].to_pylist()) == {"toy"}, "the file that names no corpus speaks of the other's"
    shown = capsys.readouterr().out
    for words in (
        "ENSEMBLE",
        "3 videos scored by visual\n",
        "117 videos scored by visual+audio",
        "written: out.parquet",
    ):
        assert words in shown


def test_a_csv_holds_the_same_as_a_parquet(members):
    table = combined(*members)
    assert main([*members, "--output", "out.csv"]) == 0
    assert read_predictions("out.csv").equals(table)


def test_a_video_that_no_member_scores_keeps_its_reason(members, capsys):
    rows = read_predictions("visual.parquet").to_pylist()
    rows[0] |= {"score": None, "status": "no_face"}
    write_predictions("visual.parquet", [Prediction(**row) for row in rows])
    table = combined(*members)
    assert table["status"].to_pylist()[:2] == ["no_face", "ok"]
    assert table["score"].to_pylist()[0] is None
    assert table["members"].to_pylist()[0] is None
    assert "1 videos without a score: no_face" in capsys.readouterr().out


def test_all_fitted_parts_and_the_ensemble_that_is_kept(members, folder, capsys):
    options = ["--combiner", "stacking", "--calibrator", "platt", "--abstain-at", "0.1", *FIT]
    table = combined(*members, *options, "--save", "ensemble.json")
    decisions = np.array(table["decision"].to_pylist())
    labels = table["label"].to_numpy()
    assert set(decisions) == {"real", "fake", "abstain"}
    assert (decisions[labels == 1] == "real").mean() < 0.2
    assert (decisions == np.where(labels, "fake", "real")).mean() > 0.5
    state = json.loads((folder / "ensemble.json").read_text())
    assert state["members"] == ["visual", "audio"]
    assert state["fitted_on"]["n"] == VIDEOS
    assert state["combiner"]["type"] == "StackingCombiner"
    shown = capsys.readouterr().out
    assert f"Out of fold, over {VIDEOS - state['fitted_on']['abstention']} videos fitted to: ECE" in shown
    assert "fake videos decided:" in shown
    assert "WARNING" not in shown
    assert main([*members, "--load", "ensemble.json", "--output", "again.parquet"]) == 0
    assert (folder / "again.parquet").read_bytes() == (folder / "out.parquet").read_bytes()
    swapped = [*reversed(members), "--load", "ensemble.json", "--output", "swapped.parquet"]
    assert main(swapped) == 0, "files are told apart by their names, not by their order"
    assert read_predictions("swapped.parquet").equals(table)


def test_calibration_is_fitted_around_a_mean(members, folder):
    plain = combined(*members)
    table = combined(*members, "--calibrator", "temperature", "--save", "ensemble.json", *FIT)
    assert "decision" not in table.column_names
    before, after = plain["score"].to_numpy(), table["score"].to_numpy()
    np.testing.assert_array_equal(np.argsort(before), np.argsort(after))
    assert not np.array_equal(before, after)
    told = json.loads((folder / "ensemble.json").read_text())["calibration"]
    assert told["ece_after"] < told["ece_before"]


def test_given_weights(members):
    table = combined(*members, "--weights", "3", "1")
    _, _, scores = drawn(0)
    np.testing.assert_allclose(table["score"].to_numpy()[3:], scores[3:] @ [0.75, 0.25], rtol=1e-12)


def test_a_combiner_by_the_name_of_its_component(members):
    np.testing.assert_array_equal(
        combined(*members, "--combiner", "LogitMeanCombiner")["score"],
        combined(*members, "--combiner", "logit")["score"],
    )


def test_given_names(members):
    assert combined(*members, "--names", "eyes", "ears")["members"].to_pylist()[-1] == "eyes+ears"


def test_files_called_alike_are_named_by_their_folders(members, folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "p.parquet").write_bytes((folder / "visual.parquet").read_bytes())
    assert combined("one/p.parquet", "two/p.parquet")["members"].to_pylist()[0] == "one+two"


def test_an_ensemble_fitted_to_what_it_combines_is_warned_of(members, capsys):
    combined(*members, "--combiner", "stacking", "--fit-on", *members)
    assert "WARNING: THE ENSEMBLE IS FITTED TO FILES THAT IT COMBINES" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--weights", "1"], ConfigError, "2 members and 1 weights"),
        (["--weights", "1", "2", "--combiner", "mean"], ConfigError, "Only the combiner 'weighted' takes --weights"),
        (["--weights", "0", "0"], ConfigError, "Weights are"),
        (["--names", "a"], ConfigError, "2 files and 1 names"),
        (["--names", "a", "a"], ConfigError, "need different names, not a, a"),
        (["--names", "a", "b+c"], ConfigError, r"cannot be called 'b\+c'"),
        (["--combiner", "StackingCombinr"], UnknownComponent, "StackingCombiner"),
        (["--calibrator", "plat", *FIT], UnknownComponent, "plat"),
        (["--abstain-at", "1.5", *FIT], ConfigError, "not between 0 and 1"),
        (["--combiner", "stacking"], ConfigError, "nothing to fit it to"),
        (["--calibrator", "platt"], ConfigError, "nothing to fit it to"),
        (["--abstain-at", "0.1"], ConfigError, "nothing to fit it to"),
        (["--combiner", "rank", "--fit-on", "visual_val.parquet"], ConfigError, "1 files for 2 members"),
        (["--load", "absent.json"], CheckpointError, "Cannot read the ensemble"),
        (["--load", "e.json", "--combiner", "mean", *FIT], ConfigError, "with --load: --combiner, --fit-on"),
    ],
)
def test_refusals_write_nothing(members, folder, options, error, words):
    before = sorted(folder.rglob("*"))
    with pytest.raises(error, match=words):
        main([*members, *options, "--output", "out.parquet", "--save", "ensemble.json"])
    assert sorted(folder.rglob("*")) == before


def test_a_file_given_twice_and_absent_ones(members):
    with pytest.raises(ConfigError, match="given twice"):
        main(["visual.parquet", "./visual.parquet", "--output", "out.parquet"])
    with pytest.raises(DataError, match="No such predictions file"):
        main(["visual.parquet", "none.csv", "--output", "out.parquet"])


def test_another_set_of_members_than_the_one_kept(members):
    combined(*members, "--save", "ensemble.json")
    with pytest.raises(DataError, match="are of visual, ears; the ensemble is made of visual, audio"):
        main([*members, "--names", "visual", "ears", "--load", "ensemble.json", "--output", "o.csv"])


@pytest.mark.parametrize("text", ["[]", "{}", "not json", '{"format": "zoo-ensemble", "version": 99}'])
def test_a_file_that_holds_no_ensemble(members, folder, text):
    (folder / "ensemble.json").write_text(text)
    with pytest.raises(CheckpointError):
        main([*members, "--load", "ensemble.json", "--output", "out.parquet"])


def test_what_was_there_stays_when_nothing_can_be_combined(members, folder, capsys):
    combined(*members)
    before = (folder / "out.parquet").read_bytes()
    ids, labels, scores = drawn(0)
    write_csv(folder / "audio.csv", ids, 1 - labels, scores[:, 1])
    assert run(lambda: main([*members, "--output", "out.parquet"])) == USER_ERROR
    assert "another label in member 'audio'" in capsys.readouterr().err
    assert (folder / "out.parquet").read_bytes() == before
    assert not [path for path in folder.iterdir() if path.name.startswith(".") or "tmp" in path.name]


def test_an_output_that_cannot_be_written_is_said(members, folder):
    with pytest.raises(DataError, match=r"not \.txt"):
        main([*members, "--output", "out.txt"])
    assert not (folder / "out.txt").exists()
