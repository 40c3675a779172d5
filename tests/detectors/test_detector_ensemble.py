"""Detectors of one input as one: equal to running them one by one, in scores, timelines, losses and files."""

import pytest
import torch
from published_parts import published

import zoo
from zoo.cli import main
from zoo.config import load_config
from zoo.detectors.detector_ensemble import logit_of_mean_probability, mean_of_logits
from zoo.engine.checkpoint import publish, read_published
from zoo.errors import ConfigError, MissingDependency
from zoo.registry import build
from zoo.structures import ForgerySample

torch.set_num_threads(1)

FRAMES = 7


def one_modality(name):
    return {
        "type": "UnimodalTransformer",
        "modality": name,
        "projection": {"type": "FeatureProjection", "in_channels": 6, "out_channels": 8},
        "temporal": {"type": "TemporalTransformer", "channels": 8, "num_layers": 1, "num_heads": 2},
        "head": {"type": "ClassificationHead", "in_channels": 8},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    }


CONFIGS = {"audio": one_modality("audio"), "visual": one_modality("visual"), "other": one_modality("audio")}


def members():
    torch.manual_seed(0)
    return {name: build("detector", config).eval() for name, config in CONFIGS.items()}


def ensemble(alone, **options):
    return build("detector", {"type": "DetectorEnsemble", "members": alone, **options}).eval()


def batch(size=4):
    generator = torch.Generator().manual_seed(1)
    inputs = {name: 3 * torch.randn(size, FRAMES, 6, generator=generator) for name in ("visual", "audio")}
    inputs |= {f"{name}_mask": torch.ones(size, FRAMES, dtype=torch.bool) for name in ("visual", "audio")}
    inputs["visual_mask"][1, 4:] = False
    samples = [
        ForgerySample(sample_id=f"s{i}", video_id=f"v{i}", corpus="c", method="m", label=i % 2) for i in range(size)
    ]
    return inputs, samples


@pytest.mark.parametrize("mean_of", ["logits", "probabilities"])
def test_one_forward_is_the_members_one_by_one(mean_of):
    alone = members()
    inputs, samples = batch()
    with torch.no_grad():
        logits = torch.stack([member(inputs) for member in alone.values()])
        together = ensemble(alone, mean_of=mean_of)(inputs)
        filled = ensemble(alone, mean_of=mean_of)(inputs, samples, mode="predict")
        own = [member(inputs, samples, mode="predict") for member in alone.values()]
    expected = logits.mean(0).sigmoid() if mean_of == "logits" else logits.sigmoid().mean(0)
    assert logits.std(0).min() > 1e-3
    torch.testing.assert_close(together.sigmoid(), expected)
    frames = torch.tensor([[one.frame_logits for one in each[:1]] for each in own])[:, 0]
    expected = frames.mean(0) if mean_of == "logits" else frames.sigmoid().mean(0).logit()
    torch.testing.assert_close(torch.tensor(filled[0].frame_logits), expected, atol=1e-4, rtol=1e-4)


def test_extreme_logits_have_an_exact_mean_probability():
    logits = torch.tensor([[200.0, -200.0, 40.0], [200.0, -200.0, -40.0]])
    found = logit_of_mean_probability(logits, torch.ones_like(logits, dtype=torch.bool))
    torch.testing.assert_close(found, torch.tensor([200.0, -200.0, 0.0]))
    torch.testing.assert_close(
        mean_of_logits(logits, torch.tensor([[True] * 3, [False] * 3])), torch.tensor([200.0, -200.0, 40.0])
    )


@pytest.mark.parametrize("mean_of", ["logits", "probabilities"])
def test_a_member_that_finds_nothing_has_no_part(mean_of):
    alone = members()
    inputs, samples = batch()
    inputs["audio_mask"][2] = False
    inputs["audio_mask"][3] = inputs["visual_mask"][3] = False
    with torch.no_grad():
        model = ensemble(alone, mean_of=mean_of)
        together = model(inputs)
        torch.testing.assert_close(together[2], alone["visual"](inputs)[2])
        assert together.isfinite().all()
        filled = model(inputs, samples, mode="predict")
        own = alone["visual"](inputs, samples, mode="predict")
    assert filled[2].frame_logits == pytest.approx(own[2].frame_logits, abs=1e-5)
    assert filled[3].frame_logits == []


def test_weights_are_fetched_once_and_a_member_is_named_where_they_lack():
    class Part(torch.nn.Module):
        fetched = 0

        def fetch_weights(self):
            self.fetched += 1
            if self.fetched > 1:
                raise MissingDependency("No weights.")

    alone = members()
    alone["visual"].part = Part()
    model = ensemble(alone)
    model.fetch_weights()
    assert alone["visual"].part.fetched == 1
    with pytest.raises(MissingDependency, match=r"model\.members\.visual\.part\.pretrained=False"):
        model.fetch_weights()


def test_losses_are_those_of_the_members_alone():
    alone = members()
    inputs, samples = batch()
    losses = ensemble(alone)(inputs, samples, mode="loss")
    assert {name for name in losses if "loss" in name} == {"loss_audio", "loss_visual", "loss_other"}
    for name, member in alone.items():
        torch.testing.assert_close(losses[f"loss_{name}"], member(inputs, samples, mode="loss")["loss"])


def test_detectors_of_pictures_are_members_too():
    torch.manual_seed(0)
    config = {
        "type": "ImageDetector",
        "backbone": {"type": "TimmBackbone", "name": "test_efficientnet"},
        "head": {"type": "ClassificationHead", "in_channels": 256},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    }
    alone = {name: build("detector", config).eval() for name in ("a", "b")}
    inputs = {"image": torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)}
    with torch.no_grad():
        together, own = ensemble(alone)(inputs), torch.stack([member(inputs) for member in alone.values()])
        filled = ensemble(alone)(inputs, batch(3)[1], mode="predict")
    torch.testing.assert_close(together, own.mean(0))
    assert all(sample.frame_logits is None for sample in filled)


@pytest.mark.parametrize("name", ["all.safetensors", "all.pth"])
def test_trained_members_are_published_as_one(tmp_path, name):
    alone = members()
    paths = [f"{key}={published(member, CONFIGS[key], tmp_path / f'{key}.pth')}" for key, member in alone.items()]
    assert main(["publish", *paths, str(tmp_path / name), "--mean-of", "probabilities"]) == 0
    model = zoo.load_model(tmp_path / name)
    inputs, _ = batch()
    with torch.no_grad():
        torch.testing.assert_close(model(inputs), ensemble(alone, mean_of="probabilities")(inputs), rtol=0, atol=0)
    again = zoo.create_model(
        {"type": "DetectorEnsemble", "members": CONFIGS, "mean_of": "probabilities"}, tmp_path / name
    )
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(inputs), model(inputs), rtol=0, atol=0)


def test_members_of_other_data_or_without_a_name_are_refused(tmp_path, capsys):
    alone = members()
    first = published(alone["audio"], CONFIGS["audio"], tmp_path / "first.pth")
    second = read_published(first) | {"provenance": {"hash": "other"}}
    publish(second, tmp_path / "second.pth")
    out = str(tmp_path / "out.pth")
    assert main(["publish", f"a={first}", f"b={tmp_path / 'second.pth'}", out]) == 2
    assert "a and b were not trained on the same data" in capsys.readouterr().err
    assert main(["publish", str(first), f"b={first}", out]) == 2
    assert "does not name a member" in capsys.readouterr().err


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="at least one member"):
        ensemble({})
    with pytest.raises(ConfigError, match="names without dots"):
        ensemble({"a.b": members()["audio"]})
    with pytest.raises(ConfigError, match="mean_of must be one of"):
        ensemble(members(), mean_of="votes")


def test_the_config_holds_the_detectors_that_the_demo_trains_alone():
    joined = load_config("xmodal_members_demo").model.to_dict()
    assert joined["type"] == "DetectorEnsemble"
    for name, alone in (("cross_modal", "xmodal_demo"), ("audio", "audio_only"), ("visual", "visual_only")):
        assert joined["members"][name] == load_config(alone).model.to_dict()
