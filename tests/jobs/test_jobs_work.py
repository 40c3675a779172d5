import json
import os

import pytest
from job_functions import behave

from zoo.errors import DataError, LaunchError
from zoo.jobs.task import Outcome
from zoo.jobs.work import Failure, JobReport, Task, run_tasks


def squares(count, start=0):
    return [Task(f"square/{n}", {"do": "square", "n": n}) for n in range(start, start + count)]


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("function", [behave, "job_functions:behave"])
def test_every_task_gets_its_own_result(workers, function):
    results = {}
    report = run_tasks(squares(20), function, workers=workers, on_result=results.__setitem__)
    assert results == {f"square/{n}": n**2 for n in range(20)}
    assert (report.done, report.failed, report.skipped_as_done) == (20, [], 0)


def test_workers_are_reused_and_compute_with_one_thread():
    pids = {}
    run_tasks([Task(str(n), {"do": "pid"}) for n in range(12)], behave, workers=2, on_result=pids.__setitem__)
    assert 1 <= len(set(pids.values())) <= 2 and os.getpid() not in pids.values()
    threads = {}
    run_tasks([Task("x", {"do": "threads"})], behave, workers=1, on_result=threads.__setitem__)
    assert threads == {"x": "1"}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_task_that_raises_is_one_failure(workers):
    tasks = [Task("bad", {"do": "raise"}), Task("empty", {"do": "media"}), *squares(3)]
    report = run_tasks(tasks, behave, workers=workers)
    assert report.done == 3
    bad, empty = sorted(report.failed, key=lambda failure: failure.key)
    assert (bad.status, bad.reason) == ("error", "ValueError: no luck") and "Traceback" in bad.details
    assert empty.status == "empty_file" and "x.mp4" in empty.reason and not empty.details


def test_a_job_resumes_where_it_stopped(tmp_path):
    journal = tmp_path / "jobs" / "journal.jsonl"
    seen = []

    def stop_after_five(key, value):
        if len(seen) == 5:
            raise KeyboardInterrupt
        seen.append(key)

    with pytest.raises(KeyboardInterrupt):
        run_tasks(squares(12), behave, workers=2, on_result=stop_after_five, journal_path=journal)
    again = []
    report = run_tasks(squares(12), behave, workers=2, on_result=lambda key, _: again.append(key), journal_path=journal)
    assert (report.done, report.skipped_as_done) == (7, 5)
    assert sorted(seen + again) == sorted(task.key for task in squares(12))
    assert run_tasks(squares(12), behave, workers=2, journal_path=journal).skipped_as_done == 12


def test_failed_tasks_are_tried_again(tmp_path):
    tasks = [Task("x", {"do": "raise"}), *squares(2)]
    for skipped in (0, 2):
        report = run_tasks(tasks, behave, workers=0, journal_path=tmp_path / "journal.jsonl")
        assert [failure.key for failure in report.failed] == ["x"] and report.skipped_as_done == skipped
    mended = [Task("x", {"do": "square", "n": 3}), *squares(2)]
    assert run_tasks(mended, behave, workers=0, journal_path=tmp_path / "journal.jsonl").done == 1


def test_keys_are_unique():
    with pytest.raises(DataError, match="square/0"):
        run_tasks([*squares(2), *squares(1)], behave, workers=0)


@pytest.mark.parametrize("function", ["job_functions:absent", "no_such_module:behave"])
def test_a_function_that_cannot_be_loaded_ends_the_job(function):
    with pytest.raises(LaunchError, match=r"package\.module:function"):
        run_tasks(squares(3), function, workers=2)


def test_another_executor_can_take_over():
    class Backwards:
        def run(self, function, tasks):
            for task in reversed(list(tasks)):
                yield Outcome(task.key, value=function(task.payload))

    order = []
    run_tasks(squares(3), behave, executor=Backwards(), on_result=lambda key, value: order.append(value))
    assert order == [4, 1, 0]


def test_progress_is_told():
    told = []
    tasks = [Task("x", {"do": "raise"}), *squares(2)]
    run_tasks(tasks, behave, workers=0, on_progress=lambda *counts: told.append(counts))
    assert told == [(0, 3, 0), (0, 3, 1), (1, 3, 1), (2, 3, 1)]


def test_the_report_is_saved_and_judged(tmp_path):
    failures = [Failure(key=key, status="no_audio", reason="The file has no sound.\n  where: x") for key in "ba"]
    report = JobReport(done=7, failed=failures, skipped_as_done=1)
    report.write(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert [failure["key"] for failure in saved["failed"]] == ["a", "b"] and saved["done"] == 7
    report.require(max_failed_fraction=0.2)
    with pytest.raises(DataError, match=r"2 of 10 tasks failed \(2 x no_audio\), more than 10%"):
        report.require(max_failed_fraction=0.1)


def test_values_are_journaled_and_what_is_no_longer_there_is_done_anew(tmp_path):
    journal = tmp_path / "journal.jsonl"
    run_tasks(squares(6), behave, workers=0, journal_path=journal, keep_values=True)
    asked = {}

    def is_there(key, value):
        asked[key] = value
        return value % 2 == 0

    again = {}
    report = run_tasks(
        squares(8),
        behave,
        workers=0,
        journal_path=journal,
        keep_values=True,
        is_done=is_there,
        on_result=again.__setitem__,
    )
    assert asked == {f"square/{n}": n**2 for n in range(6)}
    assert sorted(again.values()) == [1, 9, 25, 36, 49]
    assert (report.done, report.skipped_as_done) == (5, 3)


def test_of_a_task_that_was_done_and_now_fails_the_failure_counts(tmp_path):
    journal = tmp_path / "journal.jsonl"
    run_tasks([Task("a", {"do": "square", "n": 2})], behave, workers=0, journal_path=journal, keep_values=True)
    report = run_tasks(
        [Task("a", {"do": "raise"})],
        behave,
        workers=0,
        journal_path=journal,
        keep_values=True,
        is_done=lambda *_: False,
    )
    assert (report.done, report.skipped_as_done, [failure.key for failure in report.failed]) == (0, 0, ["a"])
