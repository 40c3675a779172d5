from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_run import Nursery, write_config, write_features


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_features(tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="session")
def nursery(features: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(write_config(tmp_path_factory.mktemp("nursery") / "toy.py", features))
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def reference(nursery: Nursery, features: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of a run that nothing disturbed, which saves a checkpoint at every step."""
    folder = tmp_path_factory.mktemp("reference")
    config = write_config(folder / "toy.py", features, interval_iters=1)
    code = nursery.train(config, "--work-dir", folder / "run", output=folder / "output")
    assert code == 0, (folder / "output").read_text()
    return folder / "run"
