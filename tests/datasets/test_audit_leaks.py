"""Each kind of leak, planted and found."""

import json

import pytest
from audit_helpers import far_hash, flipped, found, video, write

from zoo.datasets.audit import audit
from zoo.datasets.audit.report import LeakReport
from zoo.datasets.corpora.known_leaks import PAIRS
from zoo.datasets.manifest import read_manifest
from zoo.errors import ConfigError, DataError


def test_clean_is_clean(tmp_path):
    path = write(
        tmp_path,
        video("c/a", "train", identities=["p"]),
        video("c/a2", "train", identities=["p"], sources=["c/a"], original="c/a", label=1),
        video("c/b", "val", identities=["q"]),
        video("c/d", "test", identities=["r"], sources=["c/e"]),
    )
    report = audit([path])
    assert report.clean and not found(report) and report.complete
    assert report.videos == {"train": 2, "val": 1, "test": 1} and report.manifests[0].crops == 8
    assert report.split_hash == report.manifests[0].split_hash == read_manifest(path).split_hash


def test_people_that_cross(tmp_path):
    path = write(
        tmp_path,
        video("c/a", "train", identities=["p", "q"]),
        video("c/b", "val", identities=["p"]),
        video("c/d", "test", identities=["q", "p"]),
    )
    report = audit([path])
    assert found(report) == {
        ("identity", "train/val"): 1,
        ("identity", "train/test"): 2,
        ("identity", "val/test"): 1,
    }
    (example,) = next(leak for leak in report.leaks if leak.splits == ("train", "val")).examples
    assert (example.name, example.first, example.second) == ("p of c", ("c/a",), ("c/b",))


def test_sources_that_cross(tmp_path):
    path = write(
        tmp_path,
        video("c/real", "train"),
        video("c/fake", "test", sources=["c/real"]),
        video("c/one", "train", sources=["c/absent"]),
        video("c/two", "val", sources=["c/absent"]),
    )
    report = audit([path])
    assert found(report) == {("source_video", "train/val"): 1, ("source_video", "train/test"): 1}
    assert {example.name for leak in report.leaks for example in leak.examples} == {"c/real", "c/absent"}


def test_a_video_in_two_splits_crosses_itself(tmp_path):
    shared = [far_hash()]
    train, test = tmp_path / "train", tmp_path / "test"
    report = audit(
        [
            write(train, video("c/a", "train", hashes=shared)),
            write(test, video("c/a", "test", hashes=shared)),
        ]
    )
    assert found(report) == {("source_video", "train/test"): 1, ("family", "train/test"): 1}


def test_families_cross_through_others(tmp_path):
    path = write(
        tmp_path,
        video("c/a", "train", original="c/root"),
        video("c/b", "train", original="c/a"),
        video("c/d", "val", original="c/b"),
    )
    report = audit([path])
    assert found(report) == {("family", "train/val"): 1}
    example = report.leaks[0].examples[0]
    assert (example.name, example.n_first, example.second) == ("c/root", 2, ("c/d",))


@pytest.mark.parametrize("bits", [0, 3, 4, 5])
def test_near_duplicates_up_to_the_distance(tmp_path, bits):
    value = far_hash()
    path = write(
        tmp_path,
        video("c/a", "train", hashes=[value, far_hash()]),
        video("c/b", "test", hashes=[flipped(value, *range(0, 5 * bits, 5)), far_hash()]),
    )
    report = audit([path])
    assert found(report) == ({("near_duplicate", "train/test"): 1} if bits <= 4 else {})
    assert audit([path], max_distance=bits).clean is False
    for leak in report.leaks:
        (example,) = leak.examples
        assert (example.frames, example.distance, example.explained) == (1, bits, False)


def test_what_nothing_else_explains_is_named_first(tmp_path):
    first, second = far_hash(), far_hash()
    path = write(
        tmp_path,
        video("c/real", "train", hashes=[first, flipped(first, 1)]),
        video("c/fake", "test", hashes=[first, flipped(first, 2)], original="c/real"),
        video("c/upload", "train", hashes=[second]),
        video("c/reupload", "test", hashes=[flipped(second, 3, 9)]),
    )
    leak = next(leak for leak in audit([path]).leaks if leak.kind == "near_duplicate")
    assert leak.count == 2
    assert [(example.name, example.explained) for example in leak.examples] == [
        ("c/upload ~ c/reupload", False),
        ("c/real ~ c/fake", True),
    ]


def test_crops_that_show_nothing_do_not_drown_the_rest(tmp_path):
    value, black, logo = far_hash(), 1 << 63, far_hash()
    videos = [video("c/a", "train", hashes=[value]), video("c/b", "val", hashes=[value])]
    videos += [video(f"c/blank{n}", ("train", "val")[n % 2], hashes=[black, logo]) for n in range(60)]
    report = audit([write(tmp_path, *videos)])
    assert found(report) == {("near_duplicate", "train/val"): 1}
    assert (report.flat_crops, report.common_hashes, report.common_crops) == (60, 1, 60)


def test_a_few_alike_frames_of_many_are_a_resemblance(tmp_path):
    shared = [far_hash() for _ in range(3)]
    path = write(
        tmp_path,
        video("c/a", "train", hashes=[*(far_hash() for _ in range(9)), *shared]),  # 3 of 12 alike with c/b
        video("c/b", "test", hashes=[*(far_hash() for _ in range(17)), *shared]),
        video("c/d", "test", hashes=[*(far_hash() for _ in range(14)), *shared[:2]]),  # 2 of 12 alike with c/a
    )
    report = audit([path])
    assert found(report) == {("near_duplicate", "train/test"): 1}
    assert report.leaks[0].examples[0].name == "c/a ~ c/b" and report.leaks[0].videos == 2
    assert (report.resembling, report.resembling_examples) == (1, ("c/a ~ c/d",))
    assert found(audit([path], min_share=0)) == {("near_duplicate", "train/test"): 2}
    assert audit([path], min_share=0.5).clean
    with pytest.raises(ConfigError, match="0 to 1"):
        audit([path], min_share=1.5)


def test_across_corpora(tmp_path):
    value = far_hash()
    one = write(tmp_path / "one", video("ff++/youtube/000", "train", identities=["id1"], hashes=[value]))
    two = write(
        tmp_path / "two",
        video("df40/x/000", "test", identities=["id1"], sources=["ff++/youtube/000"], hashes=[flipped(value, 7)]),
    )
    assert audit([one]).clean and audit([two]).clean
    report = audit([one, two])  # one name in two corpora is two people
    assert found(report) == {("source_video", "train/test"): 1, ("near_duplicate", "train/test"): 1}
    persons = tmp_path / "persons.json"
    persons.write_text(json.dumps({"ff++": {"id1": "Ada"}, "df40": {"id1": "Ada"}}))
    report = audit([one, two], persons_path=persons)
    assert found(report)["identity", "train/test"] == 1 and report.leaks[0].examples[0].name == "Ada"
    assert report.split_hash not in {facts.split_hash for facts in report.manifests}
    assert report.split_hash == audit([two, one]).split_hash


def test_known_leaks_are_named_where_they_cross(tmp_path):
    (held_out, trained), (other, kept_with_it) = PAIRS[0], PAIRS[2]
    path = write(
        tmp_path,
        video(held_out, "test", corpus="ff++"),
        video("ff++/Deepfakes/756_000", "train", sources=[trained], original=trained, corpus="ff++"),
        video(other, "val", corpus="ff++"),
        video(kept_with_it, "val", corpus="ff++"),
    )
    report = audit([path])
    assert found(report) == {("known", "train/test"): 1}
    (example,) = report.leaks[0].examples
    assert example.name == f"{held_out} = {trained}"
    assert (example.first, example.second) == (("ff++/Deepfakes/756_000",), (held_out,))


def test_videos_in_no_split_are_counted_and_not_guessed(tmp_path):
    path = write(
        tmp_path, video("c/a", "train", identities=["p"]), video("c/b", None, identities=["p"], original="c/a")
    )
    report = audit([path])
    assert report.clean and (report.unknown_split, report.unknown_examples) == (1, ("c/b",))


def test_other_names_of_a_split_mean_the_same(tmp_path):
    path = write(tmp_path, video("c/a", "dev", identities=["p"]), video("c/b", "val", identities=["p"]))
    assert audit([path]).clean


def test_examples_are_limited_and_the_worst_come_first(tmp_path):
    videos = [video(f"c/{n}", "train", identities=[f"p{n}"]) for n in range(9)]
    videos += [video(f"c/t{n}", "test", identities=[f"p{n}"]) for n in range(9)]
    videos += [video("c/more", "train", identities=["p8"])]
    (leak,) = audit([write(tmp_path, *videos)], examples=2).leaks
    assert (leak.count, leak.videos) == (9, 19)
    assert [example.name for example in leak.examples] == ["p8 of c", "p0 of c"]


def test_a_report_survives_json(tmp_path):
    value = far_hash()
    path = write(
        tmp_path,
        video("c/a", "train", identities=["p"], hashes=[value]),
        video("c/b", "test", identities=["p"], hashes=[value]),
    )
    report = audit([path])
    assert LeakReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    with pytest.raises(DataError, match="no saved audit"):
        LeakReport.from_json({"version": 1})


@pytest.mark.parametrize(
    ("videos", "words"),
    [
        ([], "no crop"),
        ([video("c/a", None)], "in a split"),
        ([video("c/a", "holdout")], "'holdout'"),
    ],
)
def test_manifests_that_cannot_be_audited(tmp_path, videos, words):
    with pytest.raises(DataError, match=words):
        audit([write(tmp_path, *videos)])


@pytest.mark.parametrize("text", ["{", "[]", '{"c": {"p": 3}}'])
def test_identities_that_say_nothing(tmp_path, text):
    (tmp_path / "persons.json").write_text(text)
    with pytest.raises(DataError, match=r"identities|who is who"):
        audit([write(tmp_path, video("c/a", "train"))], persons_path=tmp_path / "persons.json")
