"""The verdicts of the visual controls, what they ask for, and one claim from end to end at a tiny size."""

import json
from types import SimpleNamespace

import pytest

from zoo.cli import _controls, main, visual_controls
from zoo.cli.visual_controls import _checks
from zoo.errors import ConfigError


def baseline(seed, macro_f1):
    return {"claim": "baseline", "seed": seed, "figures": {"macro_f1": macro_f1, "auc": 0.9, "videos": 30}}


def hybrid(seed, single, both):
    figures = {
        "single": {"macro_f1": single, "auc": 0.7, "videos": 40},
        "hybrid": {"macro_f1": both, "auc": 0.8, "videos": 40},
    }
    return {"claim": "hybrid", "seed": seed, "figures": figures}


def test_the_worst_seed_decides():
    checks = _checks([baseline(0, 0.95), baseline(1, 0.84), hybrid(0, 0.6, 0.7), hybrid(1, 0.5, 0.56)])
    first, second = checks
    assert (first["worst"], first["holds"]) == (0.84, False)
    assert first["mean"] == pytest.approx(0.895)
    assert second["worst"] == pytest.approx(0.06) and second["holds"]


def test_only_what_was_asked_for_is_claimed():
    (only,) = _checks([{"claim": "self_blended", "seed": 0, "figures": {"auc": 0.81, "macro_f1": 0.7, "videos": 9}}])
    assert only["name"].startswith("self_blended") and only["holds"]


@pytest.fixture
def commands(monkeypatch):
    ran = []
    for module in (_controls, visual_controls):
        monkeypatch.setattr(module, "run_zoo", lambda folder, *words, accepted=(0,): ran.append(words))
    return ran


def options(tmp_path, **changes):
    given = {"photos": tmp_path, "people_per_photo": 3, "photographs": None, "jobs": 1, "epochs": None}
    return SimpleNamespace(**given | changes)


def value(words, option):
    return words[words.index(option) + 1]


def test_people_are_as_many_as_photographs_of_the_share_allow(tmp_path, commands):
    visual_controls._crops(tmp_path, "faceforensics", 41, 0, options(tmp_path))
    visual_controls._crops(tmp_path, "celebdf", 41, 0, options(tmp_path), share=1)
    make = [words for words in commands if words[0] == "make-replica"]
    assert [value(words, "--identities") for words in make] == [str(40 * 3), str(10 * 3)]
    assert "--photo-share" not in make[0] and value(make[1], "--photo-share") == "1/3"


def test_too_few_photographs_are_refused(tmp_path, commands):
    with pytest.raises(ConfigError, match="too few"):
        visual_controls._crops(tmp_path, "faceforensics", 9, 0, options(tmp_path), share=2)
    assert not commands


def test_one_corpus_is_trained_on_as_many_samples_as_two(tmp_path, commands):
    (tmp_path / "one.json").write_text(json.dumps({"video": {"auc": 0.8, "macro_f1": 0.7, "n": 12}}))
    (tmp_path / "two.json").write_text(json.dumps({"video": {"auc": 0.9, "macro_f1": 0.8, "n": 12}}))
    given = {"test": "c", "whole": True}
    for name, roots in (("one", ["a"]), ("two", ["a", "b"])):
        visual_controls._train_and_test(tmp_path, name, "config", 3, options(tmp_path, epochs=2), train=roots, **given)
    one, two = (words for words in commands if words[0] == "train")
    roots = [words[words.index("--data-root") : words.index("--seed")] for words in (one, two)]
    assert roots == [("--data-root", "a", "--val-data-root", "a"), ("--data-root", "a", "b", "--val-data-root", "a")]
    draws = [[word for word in words if "epoch_length" in word] for words in (one, two)]
    assert draws[0] == draws[1] and len(draws[0]) == 1 and value(two, "--seed") == "3"
    assert not any("allow_leaks" in word for word in (*one, *two))
    assert "train_cfg.max_epochs=2" in one and "param_scheduler.0.end=2" in two
    tests = [words for words in commands if words[0] == "test"]
    assert all("test_dataloader.dataset.split=None" in words and value(words, "--data-root") == "c" for words in tests)


@pytest.mark.slow
def test_one_claim_from_end_to_end(tmp_path, capsys):
    few = ["--seeds", "0", "--claims", "baseline", "--people-per-photo", "1", "--epochs", "1", "--jobs", "1"]
    code = main(["visual-controls", "--work-dir", str(tmp_path), *few])
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert code == (0 if summary["checks"][0]["holds"] else 1)
    assert summary["runs"][0]["figures"]["videos"] == 10
    assert "baseline" in capsys.readouterr().out
