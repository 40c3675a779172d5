"""One owner a work directory: refusal, takeover from the dead, heartbeat."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from zoo.engine.hooks.owner import WorkDirOwner
from zoo.engine.ownership import work_dir_owner
from zoo.errors import WorkDirError
from zoo.jobs import ownership
from zoo.jobs.ownership import OWNER_FILE, folder_owner, held, own, read_owner

LIVING_OWNER = """
import sys, time
from zoo.jobs.ownership import own
own(sys.argv[1])
print("owned", flush=True)
time.sleep(60)
"""


def start_owner(folder):
    process = subprocess.Popen([sys.executable, "-c", LIVING_OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "owned\n"
    return process


def rewrite_owner(folder, *, age_s=0.0, **changes):
    """Replace fields of the owner file, as if another run had written it ``age_s`` seconds ago."""
    path = folder / OWNER_FILE
    path.write_text(json.dumps(asdict(replace(read_owner(folder), **changes))))
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_owner_is_named_while_held_and_gone_after(tmp_path):
    with work_dir_owner(tmp_path / "new") as ownership_of_it:
        owner = read_owner(tmp_path / "new")
        assert (owner.pid, owner.host) == (os.getpid(), socket.gethostname())
        assert held(tmp_path / "new") is ownership_of_it
    assert list((tmp_path / "new").iterdir()) == []
    assert held(tmp_path / "new") is None
    with work_dir_owner(tmp_path / "new"):
        pass


def test_second_run_is_refused_by_name_and_a_killed_one_is_taken_over(tmp_path):
    process = start_owner(tmp_path)
    try:
        with pytest.raises(WorkDirError, match=rf"process {process.pid} on {socket.gethostname()}"):
            own(tmp_path)
    finally:
        process.kill()  # leaves a zombie until wait(): that is no living owner either
    while (ownership._process_start(process.pid)) is not None:
        time.sleep(0.01)
    with work_dir_owner(tmp_path):
        assert read_owner(tmp_path).pid == os.getpid()
    process.wait(timeout=10)


def test_reused_process_id_is_no_living_owner(tmp_path):
    with work_dir_owner(tmp_path):
        pass
    own(tmp_path).release()
    first = own(tmp_path)
    rewrite_owner(tmp_path, process_start="1", token="other")
    first.release()
    with work_dir_owner(tmp_path):
        assert read_owner(tmp_path).token != "other"


@pytest.mark.parametrize(("age_s", "refused"), [(5, True), (ownership.STALE_S + 5, False)])
def test_owner_on_another_machine_lives_by_its_heartbeat(tmp_path, age_s, refused):
    first = own(tmp_path)
    rewrite_owner(tmp_path, age_s=age_s, host="node-7", machine="node-7 boot pid:[1]", token="other")
    first.release()
    assert read_owner(tmp_path).host == "node-7", "a release must leave another's file alone"
    if refused:
        with pytest.raises(WorkDirError, match="on node-7"):
            own(tmp_path)
        assert read_owner(tmp_path).token == "other"
    else:
        with work_dir_owner(tmp_path):
            assert read_owner(tmp_path).pid == os.getpid()


@pytest.mark.parametrize("content", ["", "[]", '{"pid": 1}'])
def test_unreadable_owner_file_is_respected_until_it_is_old(tmp_path, content):
    path = tmp_path / OWNER_FILE
    path.write_text(content)
    with pytest.raises(WorkDirError, match="not readable"):
        own(tmp_path)
    os.utime(path, (1.0, 1.0))
    with work_dir_owner(tmp_path):
        assert read_owner(tmp_path).pid == os.getpid()


def test_one_of_many_wins_a_dead_owners_directory(tmp_path):
    first = own(tmp_path)
    rewrite_owner(tmp_path, process_start="1", token="dead")
    first.release()
    start, wins, refusals = threading.Barrier(8), [], []

    def contend():
        start.wait()
        try:
            wins.append(ownership._claim(tmp_path))
        except WorkDirError:
            refusals.append(1)

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert len(refusals) == 7
    assert [path.name for path in tmp_path.iterdir()] == [OWNER_FILE]


def test_heartbeat_keeps_the_file_young_and_notices_a_takeover(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "HEARTBEAT_S", 0.02)
    with work_dir_owner(tmp_path) as mine:
        os.utime(tmp_path / OWNER_FILE, (1.0, 1.0))
        wait_until(lambda: (tmp_path / OWNER_FILE).stat().st_mtime > 1.0)
        mine.check()
        rewrite_owner(tmp_path, host="node-9", token="other")
        wait_until(lambda: mine._lost_to is not None)
        with pytest.raises(WorkDirError, match=r"taken over by .* on node-9"):
            mine.check()
    assert read_owner(tmp_path).token == "other"


def test_hook_holds_the_directory_of_a_runner_built_by_hand(tmp_path):
    runner = SimpleNamespace(work_dir=str(tmp_path), rank=0)
    hook = WorkDirOwner()
    hook.before_run(runner)
    assert read_owner(tmp_path).pid == os.getpid()
    held(tmp_path)._lost_to = "process 1 on node-2"
    with pytest.raises(WorkDirError, match="taken over by process 1 on node-2"):
        hook.before_train_iter(runner, 0)
    hook.after_run(runner)
    assert held(tmp_path) is None


def test_hook_leaves_an_ownership_from_before_as_it_is(tmp_path):
    runner = SimpleNamespace(work_dir=str(tmp_path), rank=0)
    hook = WorkDirOwner()
    with work_dir_owner(tmp_path):
        hook.before_run(runner)
        hook.before_train_iter(runner, 0)
        hook.after_run(runner)
        assert held(tmp_path) is not None


def test_remains_of_a_claim_that_was_killed_are_removed_once_old(tmp_path):
    for name, age_s in (("old", ownership.STALE_S + 5), ("new", 5)):
        path = tmp_path / f"{OWNER_FILE}.{name}"
        path.write_text("{}")
        os.utime(path, (time.time() - age_s,) * 2)
    with work_dir_owner(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {OWNER_FILE, f"{OWNER_FILE}.new"}


def test_unusable_directory_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkDirError, match="Cannot use the work directory"):
        own(tmp_path / "file" / "run")


def wait_until(condition, *, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


def test_a_block_within_another_neither_takes_nor_gives_back(tmp_path):
    with folder_owner(tmp_path) as outer:
        with folder_owner(tmp_path / "." / "") as inner:
            assert inner is outer
        assert read_owner(tmp_path) == outer.owner
    assert read_owner(tmp_path) is None and held(tmp_path) is None
