import sys
from pathlib import Path

import pytest

for room in ("datasets", "faces", "media"):  # their stubs and helpers
    sys.path.append(str(Path(__file__).parents[1] / room))


@pytest.fixture
def stub_detector(monkeypatch):
    """The detector that the provenance of checkpoints names; `trained_detector` has tests of its own."""
    from stub_faces import SquareDetector

    import zoo.inference.setup

    monkeypatch.setattr(zoo.inference.setup, "trained_detector", lambda settings, where: SquareDetector())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    from infer_helpers import write_checkpoint

    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "best.pth")
