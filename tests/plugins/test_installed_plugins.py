"""The example plugin and one of `zoo new-plugin`, beside the wheel: listed, trained, tested by their own tests."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EPOCH = ("--cfg-options", "train_cfg.max_epochs=1", "train_dataloader.batch_size=4")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of tiny face crops of both classes and all splits."""
    import cv2

    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for label in ("real", "fake"):
            for number in range(8):
                path = root / split / label / f"{split}{label}{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                coarse = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
                cv2.imwrite(str(path), cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC))
    return root


@pytest.fixture(params=["example", "new"])
def plugin(request, fresh_environment, tmp_path):
    """Folder, distribution, scope and config of a plugin that is installed for the test."""
    folder = tmp_path / "plugin"
    if request.param == "example":
        shutil.copytree(ROOT / "examples" / "plugin", folder)
        found = folder, "acme-deepfakes", "acme", "acme::haar_residual_net.py"
    else:
        fresh_environment.zoo("new-plugin", "zeta-forensics", "--output", folder)
        found = folder, "zeta-forensics", "zeta_forensics", "zeta_forensics::residual_net.py"
    fresh_environment.install(folder)
    yield found
    fresh_environment.uninstall(found[1])


@pytest.mark.slow
def test_a_plugin_is_listed_trains_and_passes_its_tests(fresh_environment, plugin, pictures, tmp_path):
    folder, _, scope, config = plugin
    rows = json.loads(fresh_environment.zoo("list", "--json").stdout)
    assert {row["kind"] for row in rows if row["origin"] == scope} >= {"backbone", "loss"}
    crops, run = tmp_path / "crops", tmp_path / "run"
    fresh_environment.zoo(
        "preprocess", "--input", pictures, "--output", crops, "--detector", "none", "--image-size", "64",
        "--num-workers", "0",
    )  # fmt: skip
    done = fresh_environment.zoo("train", config, "--data-root", crops, "--work-dir", run, *EPOCH)
    assert "epoch 1/1" in done.stdout + done.stderr
    assert (run / "best.pth").is_file()
    fresh_environment.run("-m", "pytest", "-p", "no:cacheprovider", cwd=folder, timeout=600)
