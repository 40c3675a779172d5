import json
import logging

import pytest
from audit_helpers import video, write

from zoo.datasets.audit import guard, require_clean
from zoo.errors import DataError


def leaky(folder, *, name="manifest.parquet"):
    return write(folder, video("c/a", "train", identities=["p"]), video("c/b", "test", identities=["p"]), name=name)


def clean(folder):
    return write(folder, video("c/a", "train", identities=["p"]), video("c/b", "test", identities=["q"]))


@pytest.fixture
def audits(monkeypatch):
    """How often an audit was made."""
    made = []

    def counted(*args, **kwargs):
        made.append(args)
        return real(*args, **kwargs)

    real = guard.audit
    monkeypatch.setattr(guard, "audit", counted)
    return made


def test_leaks_are_refused_with_counts_examples_and_a_way_out(tmp_path):
    path = leaky(tmp_path)
    with pytest.raises(DataError) as caught:
        require_clean([path], allow_leaks=False, where="configs/x.py")
    assert "1 people in train and test" in caught.value.what
    assert "p of c (train: c/a, test: c/b)" in caught.value.what
    assert caught.value.where == "configs/x.py"
    assert f"zoo audit {path}" in caught.value.next_step and "allow_leaks = True" in caught.value.next_step


def test_leaks_that_are_asked_for_are_logged(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        report = require_clean([leaky(tmp_path)], allow_leaks=True)
    assert not report.clean and "allow_leaks" in caplog.text


def test_videos_without_a_split_are_told(tmp_path, caplog):
    path = write(tmp_path, video("c/a", "train"), video("c/b", None))
    with caplog.at_level(logging.WARNING):
        assert require_clean([path], allow_leaks=False).clean
    assert "c/b" in caplog.text


def test_an_audit_is_made_once_and_never_outlives_its_manifests(tmp_path, audits):
    path = clean(tmp_path)
    first = require_clean([tmp_path], allow_leaks=False)
    assert require_clean([path], allow_leaks=False) == first and len(audits) == 1
    leaky(tmp_path)
    for _ in range(2):
        with pytest.raises(DataError, match="leak"):
            require_clean([path], allow_leaks=False)
    assert len(audits) == 2
    other = clean(tmp_path / "other")
    with pytest.raises(DataError, match="leak"):
        require_clean([path, other], allow_leaks=False)
    assert len(audits) == 3


def test_an_audit_by_other_rules_does_not_count(tmp_path, audits, monkeypatch):
    path = clean(tmp_path)
    require_clean([path], allow_leaks=False)
    persons = tmp_path / "persons.json"
    persons.write_text(json.dumps({"c": {"p": "Ada", "q": "Ada"}}))
    with pytest.raises(DataError, match="Ada"):
        require_clean([path], allow_leaks=False, persons_path=persons)
    monkeypatch.setattr("zoo.datasets.corpora.known_leaks.PAIRS", (("c/a", "c/b"),))
    with pytest.raises(DataError, match="c/a = c/b"):
        require_clean([path], allow_leaks=False)
    assert len(audits) == 3


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 0}'])
def test_a_broken_saved_audit_is_made_anew(tmp_path, content, audits):
    path = clean(tmp_path)
    (tmp_path / "manifest.audit.json").write_text(content)
    assert require_clean([path], allow_leaks=False).clean and len(audits) == 1
    assert require_clean([path], allow_leaks=False).clean and len(audits) == 1


def test_a_folder_that_cannot_be_written_is_audited_each_time(tmp_path, audits, monkeypatch):
    path = clean(tmp_path)
    (tmp_path / "manifest.audit.json").mkdir()  # nothing can take its place
    for _ in range(2):
        assert require_clean([path], allow_leaks=False).clean
    assert len(audits) == 2


def test_no_manifest():
    with pytest.raises(DataError, match="no manifest"):
        require_clean([], allow_leaks=True)
