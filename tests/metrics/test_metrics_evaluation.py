"""An evaluation tells by name what is wrong: leaks, blindness, thresholds, doubles; its intervals go by person."""

import json

import numpy as np
import pyarrow as pa
import pytest

from zoo.errors import ConfigError, DataError
from zoo.metrics.bootstrap import paired_difference
from zoo.metrics.evaluation import evaluate
from zoo.metrics.known_videos import KnownVideo, clusters_of, read_known_videos
from zoo.metrics.summary import summarize
from zoo.metrics.table import SCHEMA, by_video, in_order
from zoo.metrics.thresholds import FLATTERING, Threshold

METHODS = ("real", "Deepfakes", "Face2Face", "NeuralTextures")


def predictions(*, seed=0, blind=(), videos=40, frames=2, corpus="ff", shift=2.0):
    """``videos`` videos of each of `METHODS`, found by the detector but for the ``blind`` ones."""
    rng = np.random.default_rng(seed)
    rows = []
    for method in METHODS:
        for number in range(videos):
            video, seen = f"{method}/{number:03d}", method not in ("real", *blind)
            logit = rng.normal(shift * seen, 1)
            for frame in range(frames):
                score = float(1 / (1 + np.exp(-(logit + rng.normal(0, 0.3)))))
                label = int(method != "real")
                rows.append((f"{video}#00_{frame:06d}", video, corpus, method, label, score, frame, frame, "ok"))
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def names_of(results):
    return {warning["name"] for warning in results["warnings"]}


def quick(table, **more):
    return evaluate(table, replicates=more.pop("replicates", 100), **more)


def test_figures_are_those_of_the_summary_and_fit_into_json():
    table = predictions()
    results = quick(table)
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    plain = summarize(table)
    assert results["n"] == plain["n"]
    for level in ("video", "sample"):
        for key, value in plain[level].items():
            assert results[level][key] == value
        low, high = results[level]["intervals"]["auc"]
        assert low < results[level]["auc"] < high
    assert results["per_method"]["Deepfakes"]["video"]["intervals"]["auc"]
    assert results["per_corpus"]["ff"]["video"]["intervals"] == results["video"]["intervals"]


def test_the_same_seed_gives_the_same_evaluation_in_any_order_of_rows():
    table = predictions()
    order = pa.array(np.random.default_rng(1).permutation(len(table)))
    assert quick(table, seed=3) == quick(table.take(order), seed=3)
    assert quick(table, seed=3)["video"]["intervals"] != quick(table, seed=4)["video"]["intervals"]


def test_a_detector_blind_to_one_method_is_caught_by_name():
    results = quick(predictions(blind=("NeuralTextures",)))
    caught = [warning["text"] for warning in results["warnings"] if warning["name"] == "blind_to_method"]
    assert len(caught) == 1
    assert caught[0].startswith("NeuralTextures")
    assert "blind_to_method" not in names_of(quick(predictions()))


def listed(*names, **more):
    return [KnownVideo(video_id=name, corpus="ff", **more) for name in names]


def test_a_leaky_split_is_caught_by_name_whatever_leaks():
    table = predictions()
    clean = quick(table, seen=listed("real/900"), told=listed("real/000", identities=frozenset({"ann"})))
    assert "leaky_split" not in names_of(clean)
    assert "identities_unknown" in names_of(clean)
    leaks = {
        "videos": (listed("real/000"), []),
        "sources": (listed("swap/900", sources=frozenset({"real/000"})), []),
        "identities": (
            listed("real/900", identities=frozenset({"ann"})),
            listed("real/000", identities=frozenset({"ann"})),
        ),
    }
    for kind, (seen, told) in leaks.items():
        results = quick(table, seen=seen, told=told)
        assert "leaky_split" in names_of(results), kind
        assert results["isolation"]["shared"][kind] >= 1
    other = quick(table, seen=[KnownVideo(video_id="real/000", corpus="celeb")])
    assert "leaky_split" not in names_of(other)  # another corpus's video of that name


def test_a_threshold_chosen_on_the_evaluated_data_is_labelled():
    results = quick(predictions(), threshold=Threshold(value=0.4, origin="evaluated", criterion="eer", level="video"))
    assert "threshold_on_test" in names_of(results)
    assert FLATTERING in results["threshold_origin"]["text"]
    assert "threshold_default" in names_of(quick(predictions()))
    given = names_of(quick(predictions(), threshold=Threshold(value=0.4, origin="given")))
    assert not {"threshold_on_test", "threshold_default"} & given


def changed(table, **columns):
    for name, values in columns.items():
        place = table.column_names.index(name)
        table = table.set_column(place, SCHEMA.field(name), pa.array(values, SCHEMA.field(name).type))
    return table


def test_what_is_wrong_with_rows_is_told_by_name():
    table = predictions()
    n = len(table)
    scores = table["score"].to_numpy()
    bare = [name.split("/")[1] for name in table["video_id"].to_pylist()]
    first = table.slice(0, 1)
    cases = {
        "constant_scores": changed(table, score=[0.5] * n),
        "inverted_scores": changed(table, score=1 - scores),
        "saturated_scores": changed(table, score=np.round(scores)),
        "methods_merged": changed(table, video_id=bare),
        "one_class": changed(table, label=[1] * n),
        "levels_mixed": pa.concat_tables([table, changed(first, sample_id=first["video_id"].to_pylist())]),
        "duplicates": pa.concat_tables(
            [table, changed(first, sample_id=["copy"]), changed(first, sample_id=["again"])]
        ),
        "mixed_labels": changed(table, label=[1, *table["label"].to_pylist()[1:]]),
        "unscored_unevenly": changed(
            table, score=[None] * 20 + scores[20:].tolist(), status=["no_face"] * 20 + ["ok"] * (n - 20)
        ),
    }
    sound = names_of(quick(table))
    for name, case in cases.items():
        assert name not in sound
        assert name in names_of(quick(case)), name


def test_few_reals_are_told_where_a_low_rate_is_given():
    caveats = quick(predictions())["video"]["caveats"]
    assert caveats["tpr_at_fpr_1pct"].startswith("40 reals allow 0")
    assert "few_reals" in names_of(quick(predictions()))


def test_intervals_by_person_are_wider_and_say_so():
    table = predictions(videos=60)
    ids = sorted(set(table["video_id"].to_pylist()))
    groups = [KnownVideo(video_id=name, corpus="ff", identities=frozenset({str(int(name[-3:]) // 10)})) for name in ids]
    by_person = quick(table, groups=groups)
    by_itself = quick(table)
    assert (by_person["bootstrap"]["clusters"], by_person["bootstrap"]["n_clusters"]) == ("identity", 6)
    assert (by_itself["bootstrap"]["clusters"], by_itself["bootstrap"]["n_clusters"]) == ("video", 240)
    assert "few_clusters" in names_of(by_person)
    assert "clustered_by_video" in names_of(by_itself)
    assert "groups_incomplete" in names_of(quick(table, groups=groups[1:]))


def test_people_link_videos_unless_that_links_nearly_all():
    videos = [("c", "m", name) for name in "abcdef"]
    pairs = {"a": "12", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"}
    groups = [KnownVideo(video_id=name, identities=frozenset(people)) for name, people in pairs.items()]
    linked = clusters_of(videos, groups)
    assert linked.names[0] == linked.names[1]
    assert len(set(linked.names)) == 5
    chain = {"a": "12", "b": "23", "c": "34", "d": "45", "e": "56", "f": "67"}
    groups = [KnownVideo(video_id=name, identities=frozenset(people)) for name, people in chain.items()]
    assert clusters_of(videos, groups).all_linked
    assert len(set(clusters_of(videos, groups).names)) == 6


def test_two_models_are_compared_on_what_both_scored():
    table, other = predictions(), predictions(seed=1, shift=1.0)
    some = other.slice(0, 200)
    found = quick(table, against={"other": some})["comparisons"]["other"]
    assert (found["common"], found["only_here"], found["only_there"]) == (100, 60, 0)
    assert found["differences"]["auc"]["difference"] > 0
    videos = by_video(in_order(table)).to_pylist()
    theirs = {row["video_id"]: row["score"] for row in by_video(in_order(some)).to_pylist()}
    both = [row for row in videos if row["video_id"] in theirs]
    a, b, labels = (
        [get(row) for row in both]
        for get in (lambda row: row["score"], lambda row: theirs[row["video_id"]], lambda row: row["label"])
    )
    plain = paired_difference(a, b, labels, replicates=100)
    assert found["differences"]["auc"]["difference"] == pytest.approx(plain.difference, abs=1e-12)


def test_comparisons_without_common_videos_or_with_other_labels_are_refused():
    table = predictions()
    with pytest.raises(DataError, match="share no video"):
        quick(table, against={"other": predictions(corpus="else")})
    with pytest.raises(DataError, match="contradict the labels"):
        quick(table, against={"other": changed(table, label=1 - table["label"].to_numpy())})
    with pytest.raises(ConfigError, match="no track level"):
        quick(table, level="track")


@pytest.mark.parametrize("table", [predictions().slice(0, 0), predictions(videos=1, frames=1).slice(0, 1)])
def test_nothing_or_one_row_gives_reasons_not_errors(table):
    results = quick(table)
    assert results["video"]["auc"] is None
    assert results["video"]["intervals"]["auc"] is None


def test_lists_of_videos_are_read_with_their_people_and_splits(tmp_path):
    (tmp_path / "list.csv").write_text("video_id,identities,split\n001,ann;bob,train\n002,,valid\n")
    first, second = read_known_videos(tmp_path / "list.csv")
    assert (first.video_id, first.identities, first.split) == ("001", {"ann", "bob"}, "train")
    assert (second.identities, second.split) == (frozenset(), "val")
    (tmp_path / "bad.csv").write_text("name\n001\n")
    with pytest.raises(DataError, match="no column video_id"):
        read_known_videos(tmp_path / "bad.csv")
    with pytest.raises(DataError, match="No such list"):
        read_known_videos(tmp_path / "none.csv")
