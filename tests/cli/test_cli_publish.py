"""``zoo publish``: both portable forms give the model back, logit for logit."""

import pytest
import torch

import zoo
from zoo.cli import main
from zoo.engine.checkpoint import publish

SMALL = {
    "type": "UnimodalTransformer",
    "modality": "audio",
    "projection": {"type": "FeatureProjection", "in_channels": 6, "out_channels": 8},
    "temporal": {"type": "TemporalTransformer", "channels": 8, "num_layers": 1, "num_heads": 2},
    "head": {"type": "ClassificationHead", "in_channels": 8},
    "loss": {"type": "BinaryCrossEntropyLoss"},
}


@pytest.fixture
def model_and_checkpoint(tmp_path):
    model = zoo.create_model(SMALL).eval()
    form = {
        "format": "zoo-published",
        "version": 1,
        "state_dict": model.state_dict(),
        "architecture": SMALL,
        "labels": {"real": 0, "fake": 1},
        "provenance": {"corpora": ["toy"]},
        "metrics": {"video/auc": 0.5},
        "epoch": 1,
        "iteration": 2,
        "zoo_version": "0",
    }
    return model, publish(form, tmp_path / "model.pth")


@pytest.mark.parametrize("name", ["out.safetensors", "out.pth"])
def test_the_model_comes_back_from_both_forms(model_and_checkpoint, tmp_path, capsys, name):
    model, checkpoint = model_and_checkpoint
    assert main(["publish", str(checkpoint), str(tmp_path / name)]) == 0
    assert name in capsys.readouterr().out
    inputs = {"audio": torch.randn(2, 5, 6), "audio_mask": torch.ones(2, 5, dtype=torch.bool)}
    torch.testing.assert_close(zoo.load_model(tmp_path / name)(inputs), model(inputs), rtol=0, atol=0)


def test_another_ending_is_one_clear_error(model_and_checkpoint, tmp_path, capsys):
    assert main(["publish", str(model_and_checkpoint[1]), str(tmp_path / "out.bin")]) == 2
    assert "End the name in .pth or .safetensors" in capsys.readouterr().err
    assert not (tmp_path / "out.bin").exists()
