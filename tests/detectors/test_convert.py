"""A checkpoint of the original script gives the logits it gave there, with the sign of the label contract."""

import pytest
import torch
from torch import nn

from zoo.cli.convert import main
from zoo.detectors.convert import convert_cross_modal
from zoo.engine.checkpoint import load_weights, read_published
from zoo.errors import CheckpointError
from zoo.registry import build

HIDDEN, LAYERS, HEADS, VISUAL, AUDIO = 48, 2, 4, 20, 28


class Reference(nn.Module):
    """The original architecture, in plain torch modules."""

    def __init__(self):
        super().__init__()
        self.v_proj = nn.Sequential(nn.Linear(VISUAL, HIDDEN), nn.LayerNorm(HIDDEN), nn.Dropout(0.1))
        self.a_proj = nn.Sequential(nn.Linear(AUDIO, HIDDEN), nn.LayerNorm(HIDDEN), nn.Dropout(0.1))
        self.a2v_attn = nn.MultiheadAttention(HIDDEN, HEADS, dropout=0.1, batch_first=True)
        self.v2a_attn = nn.MultiheadAttention(HIDDEN, HEADS, dropout=0.1, batch_first=True)
        self.a2v_norm, self.v2a_norm = nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)
        layer = nn.TransformerEncoderLayer(HIDDEN, HEADS, 4 * HIDDEN, 0.1, activation="gelu", batch_first=True)
        self.temporal_encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.classifier = nn.Sequential(
            nn.Linear(HIDDEN, HIDDEN // 2), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN // 2, 1)
        )
        self.contrast_proj = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 256))

    def forward(self, visual, audio):
        v, a = self.v_proj(visual), self.a_proj(audio)
        heard = self.a2v_norm(a + self.a2v_attn(a, v, v)[0])
        seen = self.v2a_norm(v + self.v2a_attn(v, a, a)[0])
        x = self.temporal_encoder((heard + seen) / 2)
        real_logit = self.classifier(x.mean(1) + x.amax(1)).squeeze(-1)
        return real_logit, self.contrast_proj(v.mean(1)), self.contrast_proj(a.mean(1))


@pytest.fixture
def reference():
    torch.manual_seed(0)
    model = Reference().eval()
    with torch.no_grad():  # norms and biases that are not one and zero, so that a swap shows
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def checkpoint_of(model, **config):
    recorded = {"hidden": HIDDEN, "num_layers": LAYERS, "num_heads": HEADS, "dropout": 0.1, **config}
    return {
        "epoch": 7,
        "model_state_dict": model.state_dict(),
        "val_acc": 0.9,
        "config": {key: value for key, value in recorded.items() if value is not None},
    }


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_logits_and_embeddings_agree(reference, tmp_path, suffix):
    torch.save(checkpoint_of(reference), tmp_path / "original.pt")
    assert main(["crossmodal", str(tmp_path / "original.pt"), str(tmp_path / f"out.{suffix}")]) == 0
    published = read_published(tmp_path / f"out.{suffix}")
    assert published["labels"] == {"real": 0, "fake": 1}
    model = build("detector", published["architecture"]).eval()
    load_weights(model, published["state_dict"])
    visual, audio = torch.randn(3, 17, VISUAL), torch.randn(3, 17, AUDIO)
    valid = torch.ones(3, 17, dtype=torch.bool)
    inputs = {"visual": visual, "audio": audio, "visual_mask": valid, "audio_mask": valid}
    with torch.no_grad():
        real_logit, visual_embedding, audio_embedding = reference(visual, audio)
        outputs = model.encode(inputs, wanted=frozenset({"fake_logit", "visual_embedding", "audio_embedding"}))
    assert real_logit.std() > 1e-2
    torch.testing.assert_close(outputs["fake_logit"], -real_logit, atol=1e-4, rtol=0)
    for name, expected in (("visual_embedding", visual_embedding), ("audio_embedding", audio_embedding)):
        torch.testing.assert_close(outputs[name], nn.functional.normalize(expected, dim=-1), atol=1e-5, rtol=0)


def test_heads_may_be_given_where_the_checkpoint_is_silent(reference):
    silent = checkpoint_of(reference, num_heads=None)
    with pytest.raises(CheckpointError, match="does not tell its number of attention heads"):
        convert_cross_modal(silent)
    architecture, _ = convert_cross_modal(silent, num_heads=HEADS)
    assert architecture["fusion"]["num_heads"] == architecture["temporal"]["num_heads"] == HEADS


@pytest.mark.parametrize(
    ("config", "num_heads", "message"),
    [
        ({"num_heads": 8}, 4, "num_heads"),
        ({"hidden": 96}, None, "hidden = 96"),
        ({"num_layers": 4}, None, "num_layers = 4"),
        ({"num_heads": 5}, None, "do not divide"),
        ({"num_heads": 0}, None, "number of heads"),
    ],
)
def test_contradictions_are_errors(reference, config, num_heads, message):
    with pytest.raises(CheckpointError, match=message):
        convert_cross_modal(checkpoint_of(reference, **config), num_heads=num_heads)


def test_every_tensor_must_have_a_place(reference):
    extra = checkpoint_of(reference)
    extra["model_state_dict"] = {**extra["model_state_dict"], "gate.weight": torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"no place in the model: gate\.weight"):
        convert_cross_modal(extra)
    lacking = checkpoint_of(reference)
    lacking["model_state_dict"] = {
        name: tensor for name, tensor in lacking["model_state_dict"].items() if name != "a2v_norm.bias"
    }
    with pytest.raises(CheckpointError, match=r"a2v_norm\.bias"):
        convert_cross_modal(lacking)
    with pytest.raises(CheckpointError, match="model_state_dict"):
        convert_cross_modal({"state_dict": {}})


def test_distributed_prefix_is_understood(reference):
    wrapped = checkpoint_of(reference)
    wrapped["model_state_dict"] = {f"module.{name}": value for name, value in wrapped["model_state_dict"].items()}
    plain, prefixed = convert_cross_modal(checkpoint_of(reference)), convert_cross_modal(wrapped)
    assert plain[0] == prefixed[0]
    assert all(torch.equal(plain[1][name], prefixed[1][name]) for name in plain[1])


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w').close()",)

    torch.save({"model_state_dict": {}, "config": Hostile()}, tmp_path / "hostile.pt")
    with pytest.raises(CheckpointError, match="Not a safe checkpoint"):
        main(["crossmodal", str(tmp_path / "hostile.pt"), str(tmp_path / "out.pth")])
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out.pth").exists()
