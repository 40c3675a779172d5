"""Clips of face crops: padding, timelines, the config, and from a manifest to predictions."""

import sys
from pathlib import Path

import pytest
import torch

from zoo import load_model
from zoo.config import load_config
from zoo.engine.checkpoint import PUBLISHED, VERSION, publish
from zoo.errors import ConfigError, DataError
from zoo.registry import build
from zoo.structures import ForgerySample

sys.path.append(str(Path(__file__).parents[1] / "datasets"))

torch.set_num_threads(1)


def small_config():
    model = load_config("clip_transformer").model.to_dict()
    model["backbone"]["name"] = "test_efficientnet"
    model["projection"] |= {"in_channels": 256, "out_channels": 32}
    model["temporal"] |= {"channels": 32, "num_layers": 1}
    model["head"] |= {"in_channels": 32}
    return model


def clips(count=2, frames=4, side=32):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (count, frames, 3, side, side), generator=generator, dtype=torch.uint8)
    mask = torch.ones(count, frames, dtype=torch.bool)
    mask[1, 2:] = False
    samples = [
        ForgerySample(sample_id=f"s{i}", video_id=f"v{i}", corpus="c", method="m", label=i % 2) for i in range(count)
    ]
    return {"image": image, "image_mask": mask}, samples


def model():
    torch.manual_seed(0)
    return build("detector", small_config())


def test_whole_model_has_the_size_it_should():
    with torch.device("meta"):
        whole = build("detector", load_config("clip_transformer").model)
    assert sum(parameter.numel() for parameter in whole.parameters()) / 1e6 == pytest.approx(5.31, abs=0.1)


def test_padding_is_not_seen_and_frames_have_logits_up_to_the_last():
    detector = model().eval()
    inputs, samples = clips()
    with torch.no_grad():
        logits = detector(inputs)
        inputs["image"][1, 2:] = 255
        assert torch.equal(detector(inputs), logits)
        filled = detector(inputs, samples, mode="predict")
        short = {"image": inputs["image"][1:, :2], "image_mask": inputs["image_mask"][1:, :2]}
        torch.testing.assert_close(detector(short), logits[1:], atol=1e-5, rtol=1e-4)
    assert [len(sample.frame_logits) for sample in filled] == [4, 2]


def test_the_order_of_frames_matters():
    detector = model().eval()
    inputs, _ = clips()
    turned = {"image": inputs["image"][:1, [2, 0, 3, 1]], "image_mask": inputs["image_mask"][:1]}
    with torch.no_grad():
        assert (detector(turned) - detector(inputs)[:1]).abs() > 1e-6


def test_every_parameter_is_trained_and_published_weights_come_back(tmp_path):
    detector = model().train()
    inputs, samples = clips()
    total, _ = detector.parse_losses(detector(inputs, samples, mode="loss"))
    total.backward()
    assert not [name for name, parameter in detector.named_parameters() if parameter.grad is None]
    facts = {"labels": {"real": 0, "fake": 1}, "provenance": {}, "metrics": {}, "epoch": 1, "iteration": 1}
    state = {"format": PUBLISHED, "version": VERSION, "state_dict": detector.state_dict(), "zoo_version": "0", **facts}
    path = publish({**state, "architecture": small_config()}, tmp_path / "clip.pth")
    with torch.no_grad():
        assert torch.equal(load_model(path)(inputs), detector.eval()(inputs))


def test_from_a_manifest_to_predictions(tmp_path):
    from crop_helpers import corpus, write_crops

    root = write_crops(tmp_path, *corpus(videos=4, crops=5))
    config = load_config("clip_transformer", data_root=root)
    dataset = build("dataset", {**config.val_dataloader.dataset.to_dict(), "frames": 4, "image_size": 32})
    batch = dataset.__getitems__(range(len(dataset)))
    assert batch["inputs"]["image"].shape == (4, 4, 3, 32, 32)
    with torch.no_grad():
        filled = model().eval()(batch["inputs"], batch["data_samples"], mode="predict")
    assert all(len(sample.frame_logits) == 4 and sample.start_s < sample.end_s for sample in filled)


def test_other_shapes_and_widths_are_named():
    inputs, _ = clips()
    with pytest.raises(DataError, match=r"A batch of clips is \[b, t, 3, h, w\]"):
        model()({"image": inputs["image"][:, 0], "image_mask": inputs["image_mask"]})
    config = small_config()
    config["head"]["in_channels"] = 16
    with pytest.raises(ConfigError, match="temporal gives 32 channels, head takes 16"):
        build("detector", config)
