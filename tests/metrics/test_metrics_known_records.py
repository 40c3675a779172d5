"""What a corpus's records tell of people and families, for whoever draws videos by them."""

from zoo.metrics.known_videos import clusters_of, known_of
from zoo.structures import VideoRecord


def record(name, **facts):
    return VideoRecord(video_id=name, path="", corpus="c", split="test", label=0, method="m", **facts)


def clusters(*records):
    return clusters_of([(item.corpus, item.method, item.video_id) for item in records], known_of(records))


def test_people_come_first():
    found = clusters(
        record("a", identities=frozenset({"x"})),
        record("b", identities=frozenset({"x"}), source_videos=frozenset({"c"})),
        record("c", identities=frozenset({"y"})),
        record("d", identities=frozenset({"z"})),
    )
    assert found.kind == "identity" and found.unknown == 0
    assert found.names[0] == found.names[1] and len(set(found.names)) == 3


def test_without_people_a_video_and_what_is_made_of_it_are_a_family():
    found = clusters(
        record("real1"),
        record("fake1", original="real1"),
        record("fake2", source_videos=frozenset({"real2", "gone"})),
        record("real2"),
        record("other"),
        record("more"),
        record("rest"),
    )
    assert found.names[0] == found.names[1] and found.names[2] == found.names[3]
    assert len(set(found.names)) == 5 and found.unknown == 3


def test_a_corpus_that_tells_nothing_is_drawn_by_video():
    assert known_of([record("a"), record("b")]) is None
    assert clusters(record("a"), record("b")).kind == "video"
