"""Shortcuts in tables of trivial properties: found by name where there are any, not seen where there are none."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from zoo.errors import ConfigError, DataError
from zoo.metrics.separation import cross_fitted_model, cross_fitted_names, holm
from zoo.metrics.shortcuts import audit_shortcuts, check_shortcuts, check_unmeasured

N = 80
LABELS = np.arange(N) % 2
PEOPLE = np.arange(N) // 4
FOLDS = PEOPLE % 4


def noise(seed, count=6):
    rng = np.random.default_rng(seed)
    return {f"noise{number}": rng.normal(size=N) for number in range(count)}


def audited(numbers, names=None, **options):
    options = {"groups": PEOPLE, "folds": FOLDS, "replicates": 200, **options}
    return audit_shortcuts(numbers, names or {}, LABELS, **options)


def told(audit):
    return [(finding.name, finding.text) for finding in check_shortcuts(audit)]


def test_a_number_is_judged_in_the_direction_that_tells_more():
    size = -1.5 * LABELS + np.random.default_rng(0).normal(size=N)
    audit = audited({"file_size": size, **noise(1)})
    (first, *others) = audit.features
    assert first.name == "file_size" and first.direction == "lower in fakes"
    assert first.auc == pytest.approx(1 - roc_auc_score(LABELS, size))
    assert 0.5 < first.low < first.auc < first.high <= 1
    assert all(0.5 <= item.auc < first.auc for item in others)
    names = dict(told(audit))
    assert names.keys() == {"shortcut", "shortcuts_together"}
    assert names["shortcut"].startswith(f"file_size AUC {first.auc:.2f} (") and "lower in fakes" in names["shortcut"]


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_shortcut(seed):
    codecs = np.random.default_rng(seed).choice(["h264", "vp9", "av1"], N).tolist()
    audit = audited({**noise(seed), "fps": np.full(N, 25.0)}, {"codec": codecs, "container": ["mp4"] * N})
    assert told(audit) == []
    assert audit.constant == ("fps", "container")
    assert {item.name for item in audit.features} == {*noise(seed), "codec"}


def test_properties_that_tell_only_together_are_found_together():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 2, N)
    second = first ^ LABELS
    audit = audited({"a": first + 0.1 * rng.random(N), "b": second + 0.1 * rng.random(N)})
    assert [name for name, _ in told(audit)] == ["shortcuts_together"]
    assert audit.together.auc > 0.9


def test_a_codec_is_judged_by_what_other_people_tell_of_it():
    codecs = np.where((LABELS == 1) & (np.arange(N) % 3 > 0), "vp9", "h264")
    audit = audited({}, {"video_codec": codecs.tolist()})
    ((name, text), *_) = told(audit)
    assert name == "shortcut" and text.startswith("video_codec AUC 0.8")
    share = np.mean(codecs[LABELS == 1] == "vp9")
    assert f"h264 in 100% of reals and {1 - share:.0%} of fakes" in text
    of_each_video = [f"codec of {number}" for number in range(N)]  # would be perfect, were it learned where it is used
    audit = audited({}, {"video_codec": of_each_video})
    assert audit.features[0].auc == 0.5 and told(audit) == []


def test_clusters_that_are_of_one_class_count_once():
    """Three people of each class whose twenty videos each are alike prove nothing."""
    people, labels = np.repeat(np.arange(6), 20), np.repeat([0, 0, 0, 1, 1, 1], 20)
    value = labels + 0.01 * np.random.default_rng(0).random(120)
    (item,) = audit_shortcuts({"size": value}, {}, labels, groups=people, replicates=200).features
    assert item.auc == 1 and item.p_value == pytest.approx(0.1)
    (item,) = audit_shortcuts({"size": value}, {}, labels, replicates=200).features
    assert item.p_value < 1e-6


def test_a_detector_is_held_against_what_trivial_properties_tell():
    size = LABELS + 0.4 * np.random.default_rng(0).normal(size=N)
    poor = 1 / (1 + np.exp(-0.5 * LABELS - np.random.default_rng(1).normal(size=N)))
    audit = audited({"file_size": size}, model=poor)
    assert audit.model.auc == pytest.approx(roc_auc_score(LABELS, poor))
    assert audit.difference.difference == pytest.approx(audit.model.auc - audit.together.auc)
    assert "no_better_than_shortcuts" in dict(told(audit))
    audit = audited({"file_size": 0.7 * LABELS + np.random.default_rng(0).normal(size=N)}, model=0.1 + 0.8 * LABELS)
    assert audit.difference.low > 0 and "no_better_than_shortcuts" not in dict(told(audit))


def test_what_is_known_of_too_few_is_named_and_the_rest_has_its_counts():
    loudness = np.where(LABELS == 1, np.arange(N), np.nan)
    size = np.arange(N, dtype=float)
    size[:10] = np.nan
    audit = audited({"loudness": loudness, "file_size": size})
    assert audit.unknown == ("loudness",)
    assert [(item.n_real, item.n_fake) for item in audit.features] == [(35, 35)]


def test_without_folds_names_are_not_judged():
    audit = audited(noise(0), {"codec": ["a", "b"] * (N // 2)}, folds=None)
    assert audit.together is None and "codec" not in {item.name for item in audit.features}
    assert [name for name, _ in told(audit)] == ["not_cross_fitted"]


def test_figures_are_plain_and_repeat():
    first, second = (audited(noise(0), model=np.full(N, 0.5)).to_dict() for _ in range(2))
    assert first == second and first["model"]["auc"] == 0.5 and first["together"]["shortcut"] is False


@pytest.mark.parametrize(
    ("labels", "text"),
    [([0, 0], "All 2 videos are real"), ([1, 1, 1], "All 3 videos are fake"), ([], "no video"), ([0, 2], "neither")],
)
def test_a_class_that_is_absent_is_an_error(labels, text):
    with pytest.raises(DataError, match=text):
        audit_shortcuts({"size": np.zeros(len(labels))}, {}, labels)


def test_too_few_replicates_are_an_error():
    with pytest.raises(ConfigError, match="replicates"):
        audited(noise(0), replicates=1)


def test_files_that_cannot_be_measured_are_told():
    assert check_unmeasured((50, 50), (0, 0)) == []
    assert [item.name for item in check_unmeasured((50, 50), (1, 1))] == ["unmeasured_files"]
    names = [item.name for item in check_unmeasured((50, 40), (0, 10))]
    assert names == ["unmeasured_files", "unmeasured_unevenly"]


def test_holm_against_a_hand_worked_case():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []


def test_nothing_is_learned_from_the_fold_that_is_judged():
    labels, folds = np.array([0, 1, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    texts = np.array(["a", "b", "a", "a", "b", "c"])
    found = cross_fitted_names(texts, labels, folds)
    base = np.log(4 / 2)
    assert found[0] == pytest.approx(np.log(2 / 2) - base)  # "a" once real and once fake elsewhere
    assert found[1] == pytest.approx(np.log(2 / 1) - base)
    assert found[5] == 0  # never seen elsewhere
    value = np.random.default_rng(0).random(N)
    scores = cross_fitted_model([value], [], LABELS, FOLDS)
    flipped = LABELS.copy()
    flipped[FOLDS == 2] = 1 - flipped[FOLDS == 2]
    again = cross_fitted_model([value], [], flipped, FOLDS)
    assert np.array_equal(scores[FOLDS == 2], again[FOLDS == 2]) and not np.array_equal(scores, again)
