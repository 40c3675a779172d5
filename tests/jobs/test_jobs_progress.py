import io

import pytest

from zoo.jobs import progress
from zoo.jobs.progress import show_progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_with_rate_and_time_left(clock):
    stream = io.StringIO()
    with show_progress("Extracting", stream=stream, every_s=5.0) as update:
        for done in range(41):
            update(10 + done, 50, 0)
            clock[0] += 0.5
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Extracting: 20/50, 2.0/s, 15 s left"
    assert lines[-1] == "Extracting: 50/50, 2.0/s"
    assert len(lines) == 4


def test_failures_are_counted(clock):
    stream = io.StringIO()
    with show_progress("Extracting", stream=stream) as update:
        update(0, 3, 0)
        clock[0] += 1.0
        update(2, 3, 1)
    assert stream.getvalue() == "Extracting: 3/3, 1 failed, 3.0/s\n"


def test_a_terminal_gets_a_bar():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with show_progress("Extracting", stream=stream) as update:
        update(1, 3, 0)
        update(2, 3, 1)
    assert "Extracting" in stream.getvalue() and "3/3" in stream.getvalue() and "1 failed" in stream.getvalue()
