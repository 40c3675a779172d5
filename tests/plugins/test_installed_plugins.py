"""The example plugin and one of `zoo new-plugin`, beside the wheel: listed, trained, tested by their own tests."""

import json
import shutil
from pathlib import Path

import pytest
from fresh_environment import FreshEnvironment

ROOT = Path(__file__).parents[2]
REPLICA = (
    "--corpus", "faceforensics", "--methods", "Deepfakes", "--identities", "6", "--duration", "1", "--workers", "0",
)  # fmt: skip
CROPS = ("--frames-per-video", "3", "--image-size", "64", "--num-workers", "0")
EPOCH = (
    "--cfg-options",
    "train_cfg.max_epochs=1",
    "train_dataloader.batch_size=8",
    "train_dataloader.dataset.allow_leaks=True",  # people invented after one photograph may look alike in a frame
)


@pytest.fixture(scope="module")
def corpus(fresh_environment, tmp_path_factory):
    """Twelve clips of a second, of six people."""
    folder = tmp_path_factory.mktemp("corpus") / "replica"
    fresh_environment.zoo("make-replica", "--output", folder, *REPLICA)
    return folder


@pytest.fixture
def example(fresh_environment, tmp_path):
    """The folder of the example plugin, which is installed for the test."""
    folder = Path(shutil.copytree(ROOT / "examples" / "plugin", tmp_path / "plugin"))
    fresh_environment.install(folder)
    yield folder
    fresh_environment.uninstall("acme-deepfakes")


@pytest.fixture
def new_plugin(fresh_environment, tmp_path):
    """The folder of a plugin as it was generated, which is installed for the test."""
    folder = tmp_path / "plugin"
    fresh_environment.zoo("new-plugin", "zeta-forensics", "--output", folder)
    fresh_environment.install(folder)
    yield folder
    fresh_environment.uninstall("zeta-forensics")


def components(environment, scope):
    """Kinds of the components that a plugin brings."""
    rows = json.loads(environment.zoo("list", "--json").stdout)
    return {row["kind"] for row in rows if row["origin"] == scope}


def train_and_test(environment, folder, config, *, crops, into):
    """An epoch of the plugin's config, then the plugin's own tests."""
    done = environment.zoo("train", config, "--data-root", crops, "--work-dir", into, *EPOCH)
    assert "epoch 1/1" in done.stdout + done.stderr
    assert (into / "best.pth").is_file()
    done = environment.run("-m", "pytest", "-p", "no:cacheprovider", cwd=folder)
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.timeout(900)
def test_the_example_is_listed_finds_faces_trains_and_passes_its_tests(fresh_environment, example, corpus, tmp_path):
    crops = tmp_path / "crops"
    kinds = {"backbone", "corpus", "mixer", "loss", "metric", "face_detector"}
    assert components(fresh_environment, "acme") == kinds
    fresh_environment.zoo("preprocess", "--input", corpus, "--output", crops, "--detector", "LBPCascade", *CROPS)
    train_and_test(fresh_environment, example, "acme::haar_residual_net.py", crops=crops, into=tmp_path / "run")


@pytest.mark.timeout(900)
def test_a_new_plugin_is_listed_trains_and_passes_its_tests(fresh_environment, new_plugin, corpus, tmp_path):
    crops = tmp_path / "crops"
    assert components(fresh_environment, "zeta_forensics") == {"backbone", "loss"}
    fresh_environment.zoo("preprocess", "--input", corpus, "--output", crops, "--detector", "mtcnn", *CROPS)
    counted = fresh_environment.zoo("zeta-forensics-crops", crops).stdout
    assert len(counted.splitlines()) == 6 and counted.count("2 videos") == 6, counted
    train_and_test(fresh_environment, new_plugin, "zeta_forensics::residual_net.py", crops=crops, into=tmp_path / "run")


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(3600)
def test_the_example_works_with_nothing_but_what_the_wheels_require(fresh_environment, tmp_path):
    """6.4 GB and three minutes of installing: what is used and not declared is missing here."""
    alone = FreshEnvironment(tmp_path / "alone", shares=False)
    try:
        alone.install_with_requirements(fresh_environment.build_wheel(ROOT, tmp_path / "wheel"))
        plugin = Path(shutil.copytree(ROOT / "examples" / "plugin", tmp_path / "plugin"))
        alone.install_with_requirements(f"{plugin}[test]")
        alone.run("-m", "pip", "check")
        assert components(alone, "acme") > {"backbone", "face_detector"}
        corpus, crops = tmp_path / "corpus", tmp_path / "crops"
        alone.zoo("make-replica", "--output", corpus, *REPLICA)
        alone.zoo("preprocess", "--input", corpus, "--output", crops, "--detector", "LBPCascade", *CROPS)
        train_and_test(alone, plugin, "acme::haar_residual_net.py", crops=crops, into=tmp_path / "run")
        assert "does not import" not in alone.zoo("doctor").stdout
    finally:
        shutil.rmtree(alone.folder)
