"""Scores of the videos that a corpus lists."""

import pytest

from zoo.errors import DataError
from zoo.predictions import read_scores, scores_of_videos
from zoo.structures import VideoRecord


def record(name, *, label=0, corpus="c", method="m"):
    return VideoRecord(video_id=name, path="", corpus=corpus, split="test", label=label, method=method)


def table(tmp_path, *lines, header="video_id,corpus,method,label,score"):
    path = tmp_path / "scores.csv"
    path.write_text("\n".join((header, *lines)) + "\n")
    return read_scores(path)[0]


def test_samples_of_a_video_are_averaged_and_others_are_left_out(tmp_path):
    rows = table(tmp_path, "a,c,m,0,0.2", "a,c,m,0,0.4", "b,c,m,1,0.9", "c,c,m,1,")
    found = scores_of_videos(rows, [record("a"), record("b", label=1), record("c", label=1), record("d")])
    assert found == {"a": pytest.approx(0.3), "b": 0.9}


def test_the_records_own_corpus_and_method_count_where_there_are_several(tmp_path):
    rows = table(tmp_path, "a,c,m,0,0.1", "a,other,m,0,0.5", "b,c,m,1,0.2", "b,c,n,1,0.8")
    found = scores_of_videos(rows, [record("a"), record("b", label=1, method="n")])
    assert found == {"a": 0.1, "b": 0.8}
    with pytest.raises(DataError, match="scores of 2 methods"):
        scores_of_videos(rows, [record("b", label=1, method="unheard of")])


def test_two_columns_are_enough(tmp_path):
    rows = table(tmp_path, "a,0.25", header="video_id,score")
    assert scores_of_videos(rows, [record("a", label=1)]) == {"a": 0.25}


def test_scores_of_other_videos_or_labels_are_an_error(tmp_path):
    rows = table(tmp_path, "a,c,m,1,0.1")
    with pytest.raises(DataError, match="fake in the scores and real in the corpus"):
        scores_of_videos(rows, [record("a")])
    with pytest.raises(DataError, match="such as 'a', are of none of the 1 videos, such as 'z'"):
        scores_of_videos(rows, [record("z")])
