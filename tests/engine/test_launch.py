"""Supervision of ranks, with workers that are tiny scripts: no torch in them, so each starts in milliseconds."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from zoo.engine import launch
from zoo.engine.launch import PREEMPTED, USER_ERROR, run_workers, starts_workers
from zoo.errors import LaunchError

FAIL = """
import json, os
def fail(text, code):
    message = {"message": text, "extraInfo": {"py_callstack": "Traceback of " + text}}
    with open(os.environ["TORCHELASTIC_ERROR_FILE"], "w") as file:
        json.dump({"message": message}, file)
    raise SystemExit(code)
"""


def worker(body):
    """A command whose script sees ``rank``, ``attempt`` and ``fail(text, code)``."""
    head = f"import os, signal, sys, time{FAIL}rank = int(os.environ['RANK'])\n"
    head += "attempt = int(os.environ['TORCHELASTIC_RESTART_COUNT'])\n"
    return [sys.executable, "-c", head + textwrap.dedent(body)]


def test_workers_get_torchruns_environment(tmp_path):
    command = worker(f"open(r'{tmp_path}/' + str(rank), 'w').write(__import__('json').dumps(dict(os.environ)))")
    assert run_workers(command, workers=2) == 0
    first, second = (json.loads((tmp_path / str(rank)).read_text()) for rank in range(2))
    assert (first["RANK"], second["RANK"], second["LOCAL_RANK"]) == ("0", "1", "1")
    assert first["WORLD_SIZE"] == first["LOCAL_WORLD_SIZE"] == "2"
    assert first["MASTER_ADDR"] == "127.0.0.1"
    assert first["MASTER_PORT"] == second["MASTER_PORT"]


def test_only_pytorch_outside_torchrun_starts_workers():
    assert starts_workers("pytorch", {})
    assert not starts_workers("pytorch", {"RANK": "0"})
    assert not starts_workers("slurm", {})


def test_first_failure_ends_all_and_is_the_one_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "FAILURE_GRACE_S", 1.0)
    command = worker("""
        if rank == 1:
            time.sleep(0.2)
            fail("DataError: no such feature", 1)
        time.sleep(0.5)
        if rank == 0:
            fail("RuntimeError: Connection closed by peer", 1)
        time.sleep(60)
    """)
    began = time.monotonic()
    with pytest.raises(LaunchError) as caught:
        run_workers(command, workers=3, traceback_file=tmp_path / "failure.txt")
    assert time.monotonic() - began < 10
    assert caught.value.what == "Rank 1 of 3 failed: DataError: no such feature"
    saved = (tmp_path / "failure.txt").read_text()
    assert "Traceback of DataError" in saved
    assert "Traceback of RuntimeError" in saved


def test_killed_rank_is_named_though_others_fail_before_it_is_noticed():
    command = worker("""
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        fail("RuntimeError: Connection reset by peer", 1)
    """)
    with pytest.raises(LaunchError, match="Rank 1 of 2 was killed by SIGKILL") as caught:
        run_workers(command, workers=2)
    assert "memory" in caught.value.next_step


def test_rank_that_says_nothing_is_reported_with_its_exit_code():
    with pytest.raises(LaunchError, match="Rank 0 of 1 ended with exit code 3"):
        run_workers(worker("sys.exit(3)"), workers=1)


def test_restart_after_a_kill(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(launch, "FAILURE_GRACE_S", 0.5)
    command = worker(f"""
        open(r"{tmp_path}/log", "a").write(f"{{rank}} {{attempt}}\\n")
        if attempt == 0:
            os.kill(os.getpid(), signal.SIGKILL) if rank == 1 else time.sleep(60)
    """)
    assert run_workers(command, workers=2, max_restarts=1) == 0
    assert sorted((tmp_path / "log").read_text().split("\n"))[1:] == ["0 0", "0 1", "1 0", "1 1"]
    assert "Rank 1 of 2 was killed by SIGKILL" in caplog.text
    assert "restart 1 of 1" in caplog.text


def test_restarts_end_and_a_users_mistake_is_never_restarted(tmp_path):
    count = f"open(r'{tmp_path}/log', 'a').write('x')\n"
    with pytest.raises(LaunchError, match="exit code 3"):
        run_workers(worker(count + "sys.exit(3)"), workers=1, max_restarts=2)
    assert (tmp_path / "log").read_text() == "xxx"
    (tmp_path / "log").unlink()
    with pytest.raises(LaunchError, match="WorkDirError: taken"):
        run_workers(worker(count + f"fail('WorkDirError: taken', {USER_ERROR})"), workers=1, max_restarts=2)
    assert (tmp_path / "log").read_text() == "x"


def test_ranks_that_preempt_themselves_are_no_failure_and_not_restarted():
    assert run_workers(worker(f"time.sleep(0.3 * rank); sys.exit({PREEMPTED})"), workers=2, max_restarts=3) == PREEMPTED


SUPERVISOR = """
import sys
from zoo.engine.launch import run_workers
try:
    code = run_workers(sys.argv[1:], workers=2)
except KeyboardInterrupt:
    code = 130
sys.exit(code)
"""


def start_supervised(setup):
    """A supervisor of two ranks in a process of its own, and the ranks' ids once each has run ``setup``; they sleep."""
    command = worker(textwrap.dedent(setup) + "\nos.write(1, b'%d\\n' % os.getpid())\ntime.sleep(60)")
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, *command], stdout=subprocess.PIPE, text=True)
    return process, [int(process.stdout.readline()) for _ in range(2)]


def test_sigterm_is_passed_on_and_the_ranks_may_finish():
    process, _ = start_supervised(f"""
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit({PREEMPTED})))
    """)
    process.terminate()
    assert process.wait(timeout=20) == PREEMPTED


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, PREEMPTED), (signal.SIGINT, 130)])
def test_signals_while_ranks_are_still_starting(number, code):
    process, _ = start_supervised("")
    process.send_signal(number)
    assert process.wait(timeout=20) == code


def test_second_interrupt_kills_ranks_that_ignore_the_first():
    process, pids = start_supervised("signal.signal(signal.SIGINT, signal.SIG_IGN)")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert time.monotonic() - began < launch.INTERRUPT_GRACE_S - 2
    assert not any(_runs(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_ranks_do_not_outlive_a_killed_supervisor():
    process, pids = start_supervised("""
        from zoo.engine.launch import _end_with
        _end_with(int(os.environ["ZOO_SUPERVISOR_PID"]))
    """)
    process.kill()
    process.wait(timeout=20)
    end = time.monotonic() + 10
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_no_workers_is_an_error():
    with pytest.raises(LaunchError, match="0 workers"):
        run_workers(["true"], workers=0)


def _runs(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
