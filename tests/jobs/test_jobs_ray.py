"""The Ray executor on a local cluster of two nodes, against the process executor."""

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from job_functions import behave

from zoo.errors import ConfigError, LaunchError, MissingDependency
from zoo.jobs.executors import InProcessExecutor, ProcessExecutor, make_executor
from zoo.jobs.ray import RayExecutor
from zoo.jobs.work import Task, run_tasks

HERE = Path(__file__).parent
# 127.0.0.1 would be replaced by the address of a network card
LOOPBACK = {"node_ip_address": "127.0.0.2", "num_cpus": 1, "object_store_memory": 80 << 20}
FAST_DEATH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


@pytest.fixture(scope="module")
def cluster():
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: Ray keeps sockets in it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent / "faces"), str(HERE.parent.parent)]))
        made = pytest.importorskip("ray.cluster_utils").Cluster(
            initialize_head=True,
            head_node_args={**LOOPBACK, "include_dashboard": False, "_system_config": FAST_DEATH},
        )
        try:
            made.add_node(**LOOPBACK)
            yield made
        finally:
            made.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def executor(cluster, **options):
    return RayExecutor(address=cluster.address, timeout_s=1.5, memory_bytes=1 << 28, **options)


MIXED = [
    *(Task(f"good/{n}", {"do": "square", "n": n}) for n in range(8)),
    Task("raise", {"do": "raise"}),
    Task("media", {"do": "media"}),
    Task("hang", {"do": "hang"}),
    Task("exit", {"do": "exit"}),
    Task("segfault", {"do": "signal", "signal": signal.SIGSEGV}),
    Task("killed", {"do": "signal", "signal": signal.SIGKILL}),
    Task("eat", {"do": "eat", "bytes": 1 << 30}),
    Task("unpicklable", {"do": "unpicklable"}),
    Task("threads", {"do": "threads"}),
]


def ends(where, function=behave):
    values = {}
    report = run_tasks(MIXED, function, executor=where, on_result=values.__setitem__)
    return values, {failure.key: (failure.status, failure.reason) for failure in report.failed}


def test_tasks_end_as_they_do_in_local_processes(cluster):
    values, failures = ends(executor(cluster), "job_functions:behave")
    assert (values, failures) == ends(ProcessExecutor(workers=2, timeout_s=1.5, memory_bytes=1 << 28))
    assert values["threads"] == "1" and values["good/7"] == 49
    assert {key: status for key, (status, _) in failures.items()} == {
        "raise": "error",
        "media": "empty_file",
        "hang": "timeout",
        "exit": "crash",
        "segfault": "crash",
        "killed": "memory",
        "eat": "memory",
        "unpicklable": "error",
    }


def test_a_corpus_is_preprocessed_as_in_local_processes(cluster, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(HERE.parent / "faces")
    from stub_faces import BLUE, RED, SquareDetector, film, scene

    from zoo.datasets.manifest import MANIFEST
    from zoo.datasets.preprocessing.run import preprocess
    from zoo.faces.pipeline import FaceCropper
    from zoo.media.choice import Evenly
    from zoo.structures import VideoRecord

    records = []
    for number, colour in enumerate((RED, BLUE, RED, BLUE)):
        path = film(tmp_path / f"{number}.mp4", [scene((6 + 2 * k, 24, 40, colour)) for k in range(8)])
        facts = {"corpus": "c", "split": "train", "label": number % 2, "method": "m"}
        records.append(VideoRecord(video_id=f"c/{number}", path=str(path), **facts))
    records.append(replace(records[0], video_id="c/none", path=str(tmp_path / "none.mp4")))
    cropper = FaceCropper(detector=SquareDetector(), choice=Evenly(3), image_size=24)
    left = {}
    for name, where in {
        "ray": RayExecutor(address=cluster.address, timeout_s=60),
        "local": ProcessExecutor(workers=2),
    }.items():
        report = preprocess(records, tmp_path / name, cropper, executor=where)
        assert (report.with_crops, [failure.status for failure in report.failures]) == (4, ["missing"])
        files = sorted((tmp_path / name).rglob("*.jpg"))
        left[name] = [(tmp_path / name / MANIFEST).read_bytes(), *(path.read_bytes() for path in files)]
    assert left["ray"] == left["local"] and len(left["ray"]) == 13


@pytest.mark.parametrize("retries", [1, 0])
def test_what_a_lost_node_was_doing_begins_anew_a_stated_number_of_times(cluster, caplog, tmp_path, retries):
    extra = cluster.add_node(**LOOPBACK)
    raylet = str(extra.all_processes["raylet"][0].process.pid)
    waiting = {"do": "raylet", "folder": str(tmp_path), "until": str(tmp_path / "lost")}
    tasks = [Task("quick", {"do": "raylet"}), *(Task(f"waits/{n}", waiting) for n in range(6))]
    seen = {}

    def lose_a_node(key, value):
        seen[key] = value
        if key == "quick":  # the others cannot end before the node is lost, and one of them is begun on it
            patience = time.monotonic() + 60
            while not (tmp_path / raylet).exists() and time.monotonic() < patience:
                time.sleep(0.05)
            workers = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
            cluster.remove_node(extra, allow_graceful=False)
            for pid in map(int, workers):  # a machine that is lost takes all of them with it
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            (tmp_path / "lost").touch()

    where = RayExecutor(address=cluster.address, timeout_s=120, tasks_in_flight=7, retries=retries)
    report = run_tasks(tasks, "job_functions:behave", executor=where, on_result=lose_a_node)
    assert extra not in cluster.worker_nodes and raylet not in set(seen.values()) - {seen["quick"]}
    assert report.done == len(seen) == 7 - len(report.failed)
    if retries:
        assert report.done == 7 and "begins anew" in caplog.text
    else:
        assert report.failed and {failure.status for failure in report.failed} == {"crash"}
        assert "Lost 1 times" in report.failed[0].reason


def test_what_was_running_ends_with_the_job(cluster):
    pids = {}

    def stop(key, value):
        pids[key] = value
        raise KeyboardInterrupt

    tasks = [Task("pid", {"do": "pid"}), *(Task(f"hang/{n}", {"do": "hang"}) for n in range(4))]
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(tasks, behave, executor=RayExecutor(address=cluster.address, timeout_s=60), on_result=stop)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pids['pid']}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{pids['pid']}").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_function_that_nodes_cannot_load_ends_the_job(cluster):
    with pytest.raises(LaunchError, match=r"package\.module:function"):
        run_tasks(MIXED[:3], "job_functions:absent", executor=executor(cluster))


def test_no_node_is_large_enough(cluster):
    with pytest.raises(LaunchError, match="64 CPUs"):
        run_tasks(MIXED[:1], behave, executor=executor(cluster, cpus_per_task=64))


def test_without_a_cluster_there_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    for address in ("auto", "127.0.0.1:9", "ray://127.0.0.1:9"):
        with pytest.raises(LaunchError, match="ray start --head"):
            run_tasks(MIXED[:1], behave, executor=RayExecutor(address=address))


def test_nothing_to_do_needs_no_cluster():
    assert run_tasks([], behave, executor=RayExecutor(address="127.0.0.1:9")).done == 0


def test_executors_are_chosen_by_name(monkeypatch):
    assert isinstance(make_executor("process", workers=0), InProcessExecutor)
    assert make_executor("process", workers=3, timeout_s=5).workers == 3
    chosen = make_executor("ray", workers=7, timeout_s=5, memory_bytes=9, address="a:1")
    assert (chosen.address, chosen.tasks_in_flight, chosen.timeout_s, chosen.memory_bytes) == ("a:1", 7, 5, 9)
    with pytest.raises(ConfigError, match="Did you mean 'ray'"):
        make_executor("rya")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"deepfake-zoo\[ray\]"):
        make_executor("ray")
