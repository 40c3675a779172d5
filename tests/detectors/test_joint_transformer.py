"""The three-branch detector: its losses, its fusions, clips without a modality, and its configs."""

import copy

import pytest
import torch
from mmengine.config import Config
from published_parts import published

import zoo
from zoo.config import find_mistakes
from zoo.errors import ConfigError
from zoo.plugins import catalog
from zoo.registry import build
from zoo.structures import ForgerySample

torch.set_num_threads(1)

MODELS = catalog().config_dirs["zoo"] / "_base_" / "models"
BRANCHES = ("cross_modal", "audio", "visual")


def model_config(**changes):
    config = Config.fromfile(MODELS / "xmodal_joint_demo.py")
    config.merge_from_dict({f"model.{key}": value for key, value in changes.items()})
    return config.model.to_dict()


def model(config=None):
    torch.manual_seed(0)
    return build("detector", config or model_config())


def batch(frames=6):
    """A clip with both, one without sound, one without a face, one with neither."""
    generator = torch.Generator().manual_seed(1)
    masks = {name: torch.ones(4, frames, dtype=torch.bool) for name in ("visual_mask", "audio_mask")}
    masks["audio_mask"][[1, 3]] = False
    masks["visual_mask"][[2, 3]] = False
    streams = {
        name: torch.randn(4, frames, 512, generator=generator) * masks[f"{name}_mask"].unsqueeze(-1)
        for name in ("visual", "audio")
    }
    samples = [
        ForgerySample(sample_id=f"s{i}", video_id=f"v{i}", corpus="c", method="m", label=i % 2) for i in range(4)
    ]
    return {**streams, **masks}, samples


def test_every_branch_has_its_own_loss_at_its_weight_beside_the_fused_one():
    detector = model().eval()
    inputs, samples = batch()
    losses = detector(inputs, samples, mode="loss")
    assert {name for name in losses if "loss" in name} == {
        "loss",
        "loss_audio",
        "loss_visual",
        "loss_cross_modal_bce",
        "loss_cross_modal_info_nce",
        "loss_cross_modal_frame_info_nce",
    }
    for name, weight in {"cross_modal": 0.3, "audio": 0.2, "visual": 0.2}.items():
        alone = detector.branches[name](inputs, samples, mode="loss")
        for term, value in alone.items():
            if "loss" in term:
                torch.testing.assert_close(losses[term.replace("loss", f"loss_{name}", 1)], weight * value)


def test_a_weight_of_zero_leaves_a_branch_to_the_fused_loss_alone():
    detector = model(model_config(**{"auxiliary_weights.audio": 0.0}))
    inputs, samples = batch()
    total, _ = detector.parse_losses(losses := detector(inputs, samples, mode="loss"))
    total.backward()
    assert losses["loss_audio"] == 0 < losses["loss_visual"]
    assert detector.branches["audio"].projection.linear.weight.grad.abs().sum() > 0
    assert detector.branches["audio"].head.net[0].weight.grad.abs().sum() == 0


@pytest.mark.parametrize(
    "fusion",
    [
        {"type": "ConcatFusion", "in_channels": 128},
        {"type": "WeightedFusion", "channels": 128},
        {"type": "WeightedFusion", "channels": 128, "weight": 0.6, "learned": False},
        {"type": "GatedFusion", "channels": 128},
        {"type": "CrossAttentionFusion", "channels": 128, "num_heads": 4},
    ],
    ids=["concatenated", "learned", "fixed", "gated", "attended"],
)
def test_branches_can_be_fused_in_every_way(fusion):
    config = model_config()
    config["fusion"] = config["unimodal_fusion"] = fusion
    assert find_mistakes(Config({"model": config})) == []
    detector = model(config)
    inputs, samples = batch()
    total, _ = detector.parse_losses(detector(inputs, samples, mode="loss"))
    total.backward()
    assert not [name for name, p in detector.named_parameters() if p.requires_grad and p.grad is None]
    filled = detector.eval()(inputs, samples, mode="predict")
    assert all(torch.tensor(sample.fake_logit).isfinite() for sample in filled)
    assert [len(sample.frame_logits) for sample in filled] == [6, 6, 6, 0]


def test_a_clip_without_sound_is_judged_by_the_picture_alone():
    detector = model().eval()
    inputs, _ = batch()
    heard = {**inputs, "audio": torch.randn(4, 6, 512)}
    seen = copy.deepcopy(inputs)
    seen["visual"][1] += torch.randn(6, 512)
    with torch.no_grad():
        logits = detector(inputs)
        torch.testing.assert_close(detector(heard)[1], logits[1])
        assert (detector(seen)[1] - logits[1]).abs() > 1e-6


def test_published_weights_come_back(tmp_path):
    detector = model().eval()
    inputs, _ = batch()
    path = published(detector, model_config(), tmp_path / "joint.safetensors")
    with torch.no_grad():
        assert torch.equal(zoo.load_model(path)(inputs), detector(inputs))


def test_parts_that_do_not_fit_are_all_named():
    config = model_config(**{"audio.modality": "visual", "auxiliary_weights.sound": 0.1})
    config["visual"] = config["cross_modal"]
    config["loss"] = config["cross_modal"]["loss"]
    with pytest.raises(ConfigError) as error:
        model(config)
    for mistake in (
        "the branch audio has modality 'visual'",
        "visual is a CrossModalTransformer, not a UnimodalTransformer",
        "a weight for 'sound', which is no branch",
        "the fused loss reads",
    ):
        assert mistake in str(error.value)
    config = model_config(**{"fusion.in_channels": 64})
    with pytest.raises(ConfigError, match="cross_modal gives 128 channels, fusion takes 64"):
        model(config)


@pytest.mark.parametrize(("name", "millions"), [("xmodal_joint", 95.7), ("xmodal_joint_demo", 1.7)])
def test_configs_build_and_their_branches_are_the_detectors_they_are_alone(name, millions):
    with torch.device("meta"):
        whole = zoo.create_model(name)
        alone = zoo.create_model(name.replace("_joint", "" if "demo" in name else "_base"))
    assert sum(parameter.numel() for parameter in whole.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)
    branch = whole.branches["cross_modal"]
    assert {key: value.shape for key, value in branch.state_dict().items()} == {
        key: value.shape for key, value in alone.state_dict().items()
    }
