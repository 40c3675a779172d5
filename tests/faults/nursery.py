"""Forks a training run for each request, a line of JSON on standard input, answered by a number: toy_run.Nursery."""

import json
import os
import signal
import sys
import time

import zoo.engine.launch
import zoo.engine.runner  # noqa: F401
from zoo.cli import run
from zoo.cli.train import main
from zoo.config import load_config

load_config(sys.argv[1])  # imports every part that it names


def train(request):
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(request["environment"])
    code = 1
    try:
        code = run(lambda: main(request["arguments"]))
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid, timeout_s):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


for line in sys.stdin:
    request = json.loads(line)
    if "wait" in request:
        answer = wait(request["wait"], request["timeout_s"])
    else:
        answer = os.fork()
        if answer == 0:
            train(request)
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()
