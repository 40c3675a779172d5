"""Plugins as whole processes see them: hangs are cut short, output stays clean, and every worker and rank has them."""

import json
import time

import pytest
from broken_plugins import BROKEN, GOOD, PARTS
from plugin_site import PluginSite

HANGS_AT_IMPORT = "import time\ndef wait():\n    time.sleep(30)\nwait()\n"
HANGS_IN_A_HOOK = """
import threading
from zoo.plugins import Component, hookimpl
@hookimpl
def zoo_components():
    yield Component("loss", "HungLoss", "acme_parts:AcmeLoss", "told before the hang")
    threading.Event().wait(30)
"""
COMMANDS = """
from zoo.plugins import Command, hookimpl
print("a plugin that talks")
@hookimpl
def zoo_commands():
    return [Command("good", "beta_parts:good", "works"), Command("bad", "beta_parts:bad", "fails"),
            Command("leave", "beta_parts:leave", "ends the process"), Command("away", "nowhere:main", "is not there")]
"""
COMMAND_PARTS = """
import sys
def good(argv):
    print("good", argv)
    return 0
def bad(argv):
    return {}["a key that is not there"]
def leave(argv):
    sys.exit(7)
"""
WORKERS = """
import json, os, sys
from torch.utils.data import DataLoader
from zoo.jobs.executors import ProcessExecutor
from zoo.jobs.task import Task
from worker_parts import Items, built

def main():
    here = built(None)
    [outcome] = ProcessExecutor(workers=1, timeout_s=60).run("worker_parts:built", [Task("a", None)])
    [item] = DataLoader(Items(), batch_size=None, num_workers=1, multiprocessing_context="spawn")
    print(json.dumps([here, outcome.value, item]))

if __name__ == "__main__":
    main()
"""
WORKER_PARTS = """
import os
from zoo.registry import build

def built(payload):
    return [os.getpid(), type(build("loss", {"type": "acme.AcmeLoss"})).__module__]

class Items:
    def __len__(self):
        return 1
    def __getitem__(self, index):
        return built(index)
"""


@pytest.fixture
def site(tmp_path):
    return PluginSite(tmp_path / "site")


def test_every_sort_of_broken_plugin_at_once_leaves_the_host_and_a_good_one_working(site):
    for number, (source, _) in enumerate(BROKEN.values()):
        site.install(source.replace("acme", f"bad{number}"), scope=f"bad{number}")
    site.install(GOOD, acme_parts=PARTS)
    done = site.zoo("list", "--plugins", "--json")
    rows = {row["scope"]: row for row in json.loads(done.stdout)}
    assert rows["acme"]["state"] == "ok"
    assert rows["acme"]["components"] == ["AcmeLoss"]
    for number, (fault, (_, reason)) in enumerate(BROKEN.items()):
        row = rows[f"bad{number}"]
        assert row["state"] == "FAILED", fault
        assert reason.replace("acme", f"bad{number}") in row["reason"], fault
    shown = site.zoo("list", "loss")
    assert shown.returncode == 0
    assert "FocalLoss" in shown.stdout
    assert "AcmeLoss" in shown.stdout
    assert shown.stdout.count("\nFAILED plugin ") == len(BROKEN)


@pytest.mark.parametrize(
    ("source", "line", "statement"),
    [
        (HANGS_AT_IMPORT, 3, "time.sleep(30)"),
        (HANGS_IN_A_HOOK, None, "threading.Event().wait(30)"),
        ("while True:\n    pass", None, "in <module>"),
    ],
    ids=["import", "hook", "loop"],
)
def test_a_plugin_that_hangs_is_given_up_and_its_stack_shown(site, source, line, statement):
    site.install(source, acme_parts=PARTS)
    site.install(GOOD.replace("Acme", "Beta").replace("acme", "beta"), scope="beta", beta_parts=PARTS)
    begun = time.monotonic()
    done = site.zoo("list", "--plugins", ZOO_PLUGIN_TIMEOUT_S="0.5")
    assert time.monotonic() - begun < 20
    assert "FAILED plugin acme (acme 1.0): Plugin 'acme' has not answered within 0.5 s; it hangs in " in done.stdout
    assert line is None or f"acme_plugin.py, line {line}" in done.stdout
    assert "plugin beta (beta 1.0): 1 component\n" in done.stdout
    shown = site.zoo("info", "acme", ZOO_PLUGIN_TIMEOUT_S="0.5").stdout
    assert statement in shown
    assert "acme_plugin.py" in shown
    assert "ZOO_PLUGIN_TIMEOUT_S=3" in shown


def test_what_a_plugin_told_before_it_hung_is_traced_to_it(site):
    site.install(HANGS_IN_A_HOOK)
    done = site.zoo("info", "HungLoss", ZOO_PLUGIN_TIMEOUT_S="0.5")
    assert done.returncode == 2
    assert "threading.Event().wait(30)" in done.stderr
    assert "Component 'HungLoss' belongs to plugin 'acme', which failed to load" in done.stderr


def test_the_time_limit_is_checked_and_can_be_lifted(site):
    site.install(GOOD)
    assert "1 component" in site.zoo("list", "--plugins", ZOO_PLUGIN_TIMEOUT_S="0").stdout
    done = site.zoo("list", ZOO_PLUGIN_TIMEOUT_S="soon")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "error: ZOO_PLUGIN_TIMEOUT_S is 'soon', not a number of seconds.",
    )


def test_commands_of_plugins_run_and_fail_with_their_own_traceback(site):
    site.install(COMMANDS, scope="beta", beta_parts=COMMAND_PARTS)
    good = site.zoo("good", "--option")
    assert (good.returncode, good.stdout) == (0, "good ['--option']\n")
    assert "a plugin that talks" in good.stderr
    bad = site.zoo("bad")
    assert bad.returncode == 1
    assert "the command 'bad' of plugin 'beta' failed" in bad.stderr
    assert "KeyError: 'a key that is not there'" in bad.stderr
    assert site.zoo("leave").returncode == 7
    away = site.zoo("away")
    assert away.returncode == 2
    assert "ModuleNotFoundError: No module named 'nowhere'" in away.stderr
    assert "error: Cannot load command away" in away.stderr
    assert "fails  [beta]" in site.zoo("--help").stdout


def test_a_command_that_is_not_there_may_come_from_a_plugin_that_failed(site):
    site.install(BROKEN["import error"][0])
    site.install(
        BROKEN["command taken by zoo"][0].replace('"a:b", "")', '"a:b", ""), Command("mine", "a:b", "")'), scope="beta"
    )
    done = site.zoo("anything")
    assert done.returncode == 2
    assert "It may come from plugins that failed to load: acme (ModuleNotFoundError" in done.stderr
    done = site.zoo("mine")
    assert done.returncode == 2
    assert "'mine' belongs to plugin 'beta', which failed to load: Command 'train' exists already" in done.stderr
    assert "FAILED plugin acme: run zoo info acme" in site.zoo().stdout


def test_strict_mode_is_one_error_with_the_plugin_s_traceback(site):
    site.install(BROKEN["exit at import"][0])
    done = site.zoo("list", ZOO_STRICT_PLUGINS="1")
    assert done.returncode == 2
    assert "SystemExit: 3" in done.stderr
    assert "error: Plugin 'acme' failed to load: SystemExit: 3" in done.stderr


def test_job_workers_and_spawned_loader_workers_build_components_of_plugins(site):
    site.install(GOOD, acme_parts=PARTS, worker_parts=WORKER_PARTS, program=WORKERS)
    done = site.run(site.folder / "program.py")
    assert done.returncode == 0, done.stderr
    processes, modules = zip(*json.loads(done.stdout), strict=True)
    assert len(set(processes)) == 3
    assert set(modules) == {"acme_parts"}


def test_every_rank_builds_components_of_plugins(site):
    program = "import os\nfrom worker_parts import built\nprint('rank', os.environ['RANK'], *built(None), flush=True)\n"
    site.install(GOOD, acme_parts=PARTS, worker_parts=WORKER_PARTS, program=program)
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = site.run(*launch, site.folder / "program.py")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("rank")]
    assert {(row[1], row[3]) for row in rows} == {("0", "acme_parts"), ("1", "acme_parts")}
