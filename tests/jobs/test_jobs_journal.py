import subprocess
import sys

import pytest

from zoo.errors import DataError, WorkDirError
from zoo.jobs.journal import Journal


def test_keys_are_remembered(tmp_path):
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal(path) as journal:
        journal.add("a")
        journal.add("b\n\u00e9 'c'")
    with Journal(path) as journal:
        assert set(journal) == {"a", "b\n\u00e9 'c'"}


def test_a_torn_last_line_is_cut_off(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.add("first")
        journal.add("second")
    whole = path.read_bytes()
    for cut in range(1, len(b'["second", null]\n')):
        path.write_bytes(whole[:-cut])
        with Journal(path) as journal:
            assert set(journal) == {"first"}
            journal.add("third")
        with Journal(path) as journal:
            assert set(journal) == {"first", "third"}


def test_a_torn_first_line_begins_anew(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"jour')
    with Journal(path, fingerprint="x") as journal:
        journal.add("a")
    with Journal(path, fingerprint="x") as journal:
        assert set(journal) == {"a"}


def test_a_journal_of_other_settings_is_refused(tmp_path):
    with Journal(tmp_path / "journal.jsonl", fingerprint="mouth pixels v1"):
        pass
    with pytest.raises(DataError, match="mouth pixels v1"), Journal(tmp_path / "journal.jsonl", fingerprint="v2"):
        pass


@pytest.mark.parametrize("content", [b"# notes\n", b"[]\n", b'"key"\n', b"\xff\xfe\n", b'{"journal": 1}\n'])
def test_another_file_is_not_taken_for_a_journal(content, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no journal"), Journal(path):
        pass
    assert path.read_bytes() == content


def test_an_unwritable_place_is_named(tmp_path):
    with pytest.raises(WorkDirError) as caught, Journal("/proc/journal.jsonl"):
        pass
    assert "/proc/journal.jsonl" in str(caught.value)


def test_without_a_path_nothing_is_kept():
    with Journal(None) as journal:
        journal.add("a")
        assert set(journal) == {"a"}


def test_values_are_kept_and_the_last_one_counts(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.add("a", {"boxes": [[1, 2.5]]})
        journal.add("b", None)
        assert journal.value("a") == {"boxes": [[1, 2.5]]}
        journal.add("a", "again")
    with Journal(path) as journal:
        assert list(journal) == ["a", "b"] and len(journal) == 2
        assert (journal.value("a"), journal.value("b")) == ("again", None)
        with pytest.raises(KeyError):
            journal.value("c")


FILL_THE_DISK = """
import resource, signal, sys
from zoo.cli import run
from zoo.jobs.journal import Journal

def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    with Journal(sys.argv[1]) as journal:
        for number in range(1000):
            journal.add(str(number), "x" * 100)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.exit(run(fill))
"""


def test_a_full_disk_is_one_clear_error_and_leaves_a_journal_that_goes_on(tmp_path):
    path = tmp_path / "journal.jsonl"
    ended = subprocess.run([sys.executable, "-c", FILL_THE_DISK, str(path)], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "Cannot write the journal" in ended.stderr and "Traceback" not in ended.stderr
    with Journal(path) as journal:
        finished = len(journal)
        assert 30 < finished < 50 and journal.value("0") == "x" * 100
        journal.add("more", 1)
    with Journal(path) as journal:
        assert len(journal) == finished + 1 and journal.value("more") == 1
