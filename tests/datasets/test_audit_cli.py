import json

import pytest
from audit_helpers import far_hash, video, write

from zoo.cli import main
from zoo.datasets.audit.guard import saved_audit


@pytest.fixture
def leaky(tmp_path):
    value = far_hash()
    return write(
        tmp_path / "leaky",
        video("c/a", "train", identities=["p"], hashes=[value]),
        video("c/b", "test", identities=["p"], hashes=[value]),
        video("c/lost", None, hashes=[1 << 63]),
    )


def test_clean_manifests_end_with_0(tmp_path, capsys):
    path = write(tmp_path, video("c/a", "train"), video("c/b", "test"))
    assert main(["audit", str(path)]) == 0
    assert "clean: nothing crosses" in capsys.readouterr().out
    assert saved_audit([path]).clean  # training need not audit again


def test_leaks_end_with_3_and_are_named(leaky, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert main(["audit", str(leaky.parent), "--json", str(out)]) == 3
    shown = capsys.readouterr().out
    for words in (
        "p of c: train: c/a; test: c/b",
        "c/a ~ c/b: 1 alike",
        "1 videos in no split, such as c/lost",
        "1 crops without",
    ):
        assert words in shown
    saved = json.loads(out.read_text())
    assert saved["clean"] is False and saved["unknown_split"] == 1
    assert {leak["kind"]: leak["count"] for leak in saved["leaks"]} == {"identity": 1, "near_duplicate": 1}
    assert saved["leaks"][0]["splits"] == ["train", "test"]


def test_resemblances_are_told_and_not_counted(tmp_path, capsys):
    shared = far_hash()
    one, other = ([shared, *(far_hash() for _ in range(8))] for _ in range(2))
    path = write(tmp_path, video("c/a", "train", hashes=one), video("c/b", "val", hashes=other))
    assert main(["audit", str(path)]) == 0
    assert "not counted: 1 pairs of videos that look alike in few frames, such as c/a ~ c/b" in capsys.readouterr().out
    assert main(["audit", str(path), "--min-share", "0"]) == 3


def test_several_manifests_and_who_is_who(tmp_path, capsys):
    one = write(tmp_path / "one", video("c/a", "train", identities=["p"]))
    two = write(tmp_path / "two", video("d/a", "test", identities=["q"]))
    persons = tmp_path / "persons.json"
    persons.write_text(json.dumps({"c": {"p": "Ada"}, "d": {"q": "Ada"}}))
    assert main(["audit", str(one), str(two)]) == 0
    assert main(["audit", str(one), str(two), "--identities", str(persons)]) == 3
    assert "Ada: train: c/a; test: d/a" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.parquet"], "No such manifest"),
        (["{text}"], "no manifest of crops"),
        (["{good}", "--max-distance", "12"], "0 to 8"),
        (["{good}", "--identities", "absent.json"], "identities"),
    ],
)
def test_bad_input_ends_with_2(arguments, words, tmp_path, leaky, capsys):
    (tmp_path / "notes.txt").write_text("not a manifest")
    filled = [text.format(text=tmp_path / "notes.txt", good=leaky) for text in arguments]
    assert main(["audit", *filled]) == 2
    assert words in capsys.readouterr().err
