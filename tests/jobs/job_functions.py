"""Functions for workers to run, well- and ill-behaved. Payload: a dict with ``do`` and what it needs."""

import os
import signal
import subprocess
import time
from pathlib import Path

from zoo.errors import MediaError


def behave(payload):
    match payload["do"]:
        case "square":
            return payload["n"] ** 2
        case "pid":
            return os.getpid()
        case "threads":
            return os.environ["OMP_NUM_THREADS"]
        case "raise":
            raise ValueError("no luck")
        case "media":
            raise MediaError("The media file is empty.", where="x.mp4", status="empty_file")
        case "hang":
            time.sleep(3600)
        case "signal":
            os.kill(os.getpid(), payload["signal"])
            time.sleep(10)
        case "exit":
            os._exit(7)
        case "eat":
            return len(bytearray(payload["bytes"]))
        case "unpicklable":
            return lambda: None
        case "leave a child":
            child = subprocess.Popen(["sleep", "3600"])
            Path(payload["path"]).write_text(str(child.pid))
            child.wait()
        case "hang in C":  # ignores every signal that Python could handle
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
            time.sleep(3600)
        case "slow":
            time.sleep(payload["seconds"])
            return payload["seconds"]
        case "raylet":  # which node of a Ray cluster this is, told to a file as well; waits for another if there is one
            raylet = os.environ["RAY_RAYLET_PID"]
            if "until" in payload:
                Path(payload["folder"], raylet).touch()
                while not Path(payload["until"]).exists():
                    time.sleep(0.05)
            return raylet
    raise AssertionError("not reached")
