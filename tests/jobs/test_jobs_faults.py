"""What a worker may do wrong, and that it costs one task only."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from job_functions import behave

from zoo.jobs.work import Task, run_tasks

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("payload", "status", "words"),
    [
        ({"do": "hang"}, "timeout", "within 1 s"),
        ({"do": "hang in C"}, "timeout", "within 1 s"),
        ({"do": "signal", "signal": signal.SIGSEGV}, "crash", "SIGSEGV"),
        ({"do": "signal", "signal": signal.SIGABRT}, "crash", "SIGABRT"),
        ({"do": "signal", "signal": signal.SIGKILL}, "memory", "SIGKILL"),
        ({"do": "exit"}, "crash", "code 7"),
        ({"do": "unpicklable"}, "error", "pickled"),
        pytest.param(
            {"do": "eat", "bytes": 1 << 30},
            "memory",
            "Out of memory",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts on Linux only"),
        ),
    ],
    ids=lambda value: value["do"] if isinstance(value, dict) else "",
)
def test_one_bad_task_costs_itself_only(payload, status, words):
    good = [Task(f"good/{n}", {"do": "square", "n": n}) for n in range(6)]
    tasks = [*good[:3], Task("bad", payload), *good[3:]]
    results = {}
    report = run_tasks(tasks, behave, workers=1, timeout_s=1.0, memory_bytes=1 << 28, on_result=results.__setitem__)
    assert results == {f"good/{n}": n**2 for n in range(6)}
    (failure,) = report.failed
    assert (failure.key, failure.status) == ("bad", status)
    assert words in failure.reason


def test_what_a_task_leaves_running_is_ended_with_its_worker(tmp_path):
    tasks = [Task("bad", {"do": "leave a child", "path": str(tmp_path / "pid")})]
    report = run_tasks(tasks, behave, workers=1, timeout_s=2.0)
    assert report.failed[0].status == "timeout"
    pid = int((tmp_path / "pid").read_text())
    assert not lives(pid)


def test_workers_take_tasks_side_by_side():
    begun = time.monotonic()
    report = run_tasks([Task(str(n), {"do": "slow", "seconds": 1.5}) for n in range(4)], behave, workers=4)
    assert report.done == 4
    assert time.monotonic() - begun < 5.5


SCRIPT = """
    import sys
    sys.path.insert(0, {here!r})
    from job_functions import behave
    from zoo.jobs.work import Task, run_tasks
    tasks = [Task(str(n), {{"do": "square", "n": n}}) for n in range(5)]
    tasks += [Task(f"pid/{{n}}", {{"do": "pid"}}) for n in range(2)]
    tasks += [Task(f"hang/{{n}}", {{"do": "hang"}}) for n in range(2)]
    def tell(key, value):
        print(key, value, flush=True)
    run_tasks(tasks, behave, workers=2, on_result=tell, journal_path={journal!r})
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_the_parent_ends_the_workers_and_keeps_what_is_done(how, tmp_path):
    journal = tmp_path / "journal.jsonl"
    script = textwrap.dedent(SCRIPT).format(here=str(HERE), journal=str(journal))
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers = set()
    for _ in range(7):
        key, value = parent.stdout.readline().split()
        if key.startswith("pid/"):
            workers.add(int(value))
    parent.send_signal(how)
    parent.communicate(timeout=10)
    assert parent.returncode not in (0, None)
    deadline = time.monotonic() + 10
    while any(lives(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers and not any(lives(pid) for pid in workers)
    done = [json.loads(line)[0] for line in journal.read_text().splitlines()[1:]]
    assert {"0", "1", "2", "3", "4"} <= set(done)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not Path(f"/proc/{pid}/stat").exists():
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
