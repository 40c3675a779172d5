"""Forks ``zoo preprocess`` with a stub detector for each request, a line of JSON, and answers with its exit code.

``kill_at`` n kills the run when, once it owns its output, it writes, moves, removes or journals something for the n-th
time.
"""

import json
import os
import pathlib
import shutil
import signal
import sys

import cv2
from stub_faces import SquareDetector

import zoo.cli.preprocess
import zoo.datasets.corpora.reading
import zoo.datasets.preprocessing.contact_sheet
import zoo.datasets.preprocessing.run
from zoo.cli import run
from zoo.jobs import ownership
from zoo.jobs.journal import Journal
from zoo.plugins import catalog

cv2.setNumThreads(1)
catalog()
zoo.cli.preprocess.detector_of = lambda options: SquareDetector()


def die_at(number):
    left = [0]
    own = ownership.own

    def armed(folder):
        taken = own(folder)
        left[0] = number + 1
        return taken

    ownership.own = armed

    def counted(call):
        def wrapper(*arguments, **options):
            left[0] -= 1
            if left[0] == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return wrapper

    for owner, name in (
        (os, "replace"),
        (os, "link"),
        (shutil, "rmtree"),
        (pathlib.Path, "write_bytes"),
        (pathlib.Path, "unlink"),
        (pathlib.Path, "rmdir"),
        (Journal, "add"),
        (Journal, "_append"),
    ):
        setattr(owner, name, counted(getattr(owner, name)))


def go(request):
    output = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if request.get("kill_at"):
        die_at(request["kill_at"])
    code = 1
    try:
        code = run(lambda: zoo.cli.preprocess.main(request["argv"]))
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        go(json.loads(line))
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
