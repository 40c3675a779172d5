"""A small instance of every part, and a batch to run it on."""

import torch

from zoo.plugins import catalog
from zoo.registry import build
from zoo.structures import ForgerySample

CHANNELS, WIDTH, FRAMES = 16, 12, 9
SIDE = 64

TINY = {"type": "TimmBackbone", "name": "test_efficientnet"}
TINY_FREQUENCY = {
    "type": "FrequencyBackbone",
    "transform": {"type": "SRMResiduals"},
    "backbone": {"type": "TimmBackbone", "name": "test_resnet", "in_channels": 9},
}

CASES = {
    "backbone": {
        "FeatureProjection": {"in_channels": CHANNELS, "out_channels": WIDTH},
        "FrequencyBackbone": {key: value for key, value in TINY_FREQUENCY.items() if key != "type"},
        "TemporalTransformer": {"channels": CHANNELS, "num_layers": 2, "num_heads": 2, "positions": "rotary"},
        "TimmBackbone": {"name": "test_efficientnet"},
    },
    "frequency_transform": {
        "BlockDCT": {},
        "FrequencyDecomposition": {"grid": 8},
        "LogAmplitude": {},
        "PhaseSpectrum": {},
        "SRMResiduals": {},
    },
    "fusion": {
        "ConcatFusion": {"in_channels": CHANNELS, "out_channels": WIDTH},
        "CrossAttentionFusion": {"channels": CHANNELS, "num_heads": 2},
        "GatedFusion": {"channels": CHANNELS},
        "WeightedFusion": {"channels": CHANNELS},
        "LaggedSimilarity": {"in_channels": CHANNELS, "out_channels": WIDTH, "max_lag": 3},
    },
    "head": {
        "ClassificationHead": {"in_channels": CHANNELS},
        "EmbeddingHead": {"in_channels": CHANNELS, "out_channels": WIDTH},
    },
    "loss": {
        "BinaryCrossEntropyLoss": {"label_smoothing": 0.1, "pos_weight": 0.5},
        "CombinedLoss": {
            "terms": {"focal": {"type": "FocalLoss"}, "frames": {"type": "FrameInfoNCELoss"}},
            "weights": {"frames": 0.5},
        },
        "FocalLoss": {"alpha": 0.25},
        "FrameInfoNCELoss": {"learnable_temperature": True},
        "InfoNCELoss": {"learnable_temperature": True},
        "SoftMacroF1Loss": {},
    },
    "detector": {
        "CrossModalTransformer": {
            "visual_projection": {"type": "FeatureProjection", "in_channels": WIDTH, "out_channels": CHANNELS},
            "audio_projection": {"type": "FeatureProjection", "in_channels": WIDTH, "out_channels": CHANNELS},
            "fusion": {"type": "CrossAttentionFusion", "channels": CHANNELS, "num_heads": 2},
            "temporal": {"type": "TemporalTransformer", "channels": CHANNELS, "num_layers": 2, "num_heads": 2},
            "head": {"type": "ClassificationHead", "in_channels": CHANNELS},
            "embedding": {"type": "EmbeddingHead", "in_channels": CHANNELS, "out_channels": 8},
            "synchrony": {"type": "LaggedSimilarity", "in_channels": 8, "out_channels": CHANNELS, "max_lag": 2},
            "loss": {
                "type": "CombinedLoss",
                "terms": {
                    "bce": {"type": "BinaryCrossEntropyLoss"},
                    "info_nce": {"type": "InfoNCELoss"},
                    "frame_info_nce": {"type": "FrameInfoNCELoss", "learnable_temperature": True},
                },
            },
        },
        "DualBranchDetector": {
            "rgb": TINY,
            "frequency": TINY_FREQUENCY,
            "rgb_projection": {"type": "FeatureProjection", "in_channels": 256, "out_channels": CHANNELS},
            "frequency_projection": {"type": "FeatureProjection", "in_channels": 96, "out_channels": CHANNELS},
            "fusion": {"type": "GatedFusion", "channels": CHANNELS},
            "head": {"type": "ClassificationHead", "in_channels": CHANNELS},
            "loss": {
                "type": "CombinedLoss",
                "terms": {"focal": {"type": "FocalLoss"}, "macro_f1": {"type": "SoftMacroF1Loss"}},
            },
        },
        "ClipDetector": {
            "backbone": TINY,
            "projection": {"type": "FeatureProjection", "in_channels": 256, "out_channels": CHANNELS},
            "temporal": {"type": "TemporalTransformer", "channels": CHANNELS, "num_layers": 1, "num_heads": 2},
            "head": {"type": "ClassificationHead", "in_channels": CHANNELS},
            "loss": {"type": "BinaryCrossEntropyLoss"},
        },
        "ImageDetector": {
            "backbone": TINY,
            "head": {"type": "ClassificationHead", "in_channels": 256},
            "loss": {"type": "BinaryCrossEntropyLoss"},
        },
        "UnimodalTransformer": {
            "modality": "audio",
            "projection": {"type": "FeatureProjection", "in_channels": WIDTH, "out_channels": CHANNELS},
            "temporal": {"type": "TemporalTransformer", "channels": CHANNELS, "num_layers": 1, "num_heads": 2},
            "head": {"type": "ClassificationHead", "in_channels": CHANNELS},
            "loss": {"type": "BinaryCrossEntropyLoss"},
        },
    },
}

_CROSS_MODAL = {"type": "CrossModalTransformer", **CASES["detector"]["CrossModalTransformer"]}
_AUDIO = {"type": "UnimodalTransformer", **CASES["detector"]["UnimodalTransformer"]}
_VISUAL = {**_AUDIO, "modality": "visual"}
CASES["detector"] |= {
    "DetectorEnsemble": {"members": {"cross_modal": _CROSS_MODAL, "audio": _AUDIO}},
    "JointTransformer": {
        "cross_modal": _CROSS_MODAL,
        "audio": _AUDIO,
        "visual": _VISUAL,
        "unimodal_fusion": {"type": "WeightedFusion", "channels": CHANNELS},
        "fusion": {"type": "ConcatFusion", "in_channels": CHANNELS},
        "head": {"type": "ClassificationHead", "in_channels": CHANNELS},
        "loss": {"type": "BinaryCrossEntropyLoss"},
    },
}

OF_CLIPS = {"ClipDetector"}
OF_PICTURES = {"TimmBackbone", "FrequencyBackbone", "ImageDetector", "DualBranchDetector"}


def names(kind, *, of=None):
    """The built-in components of ``kind``, all or those ``of`` pictures or streams; a new one needs a case above."""
    found = [name for name in catalog().names(kind) if catalog().find(name).origin == "zoo"]
    if of is not None:
        found = [name for name in found if name not in OF_CLIPS and (name in OF_PICTURES) == (of == "pictures")]
    assert found
    return found


def make(kind, name):
    torch.manual_seed(0)
    return build(kind, {"type": name, **CASES[kind][name]})


def masks():
    """Whole clip, padded clip, clip with gaps, clip without any valid frame: [4, t]."""
    mask = torch.ones(4, FRAMES, dtype=torch.bool)
    mask[1, 5:] = False
    mask[2, [0, 3, 4]] = False
    mask[3] = False
    return mask


def spoil(x, mask, value=float("nan")):
    """``x`` with ``value`` wherever ``mask`` is False."""
    return x.masked_fill(~mask.unsqueeze(-1), value)


def without_gradient(module):
    """Names of parameters that got none, or one that is not finite."""
    parameters = dict(module.named_parameters())
    return [name for name, p in parameters.items() if p.grad is None or not p.grad.isfinite().all()]


def batch(width=WIDTH, frames=FRAMES):
    """Inputs and samples of four clips: whole real, padded fake, real without sound, fake with gaps in the picture."""
    generator = torch.Generator().manual_seed(1)
    visual_mask = torch.ones(4, frames, dtype=torch.bool)
    visual_mask[1, frames // 2 :] = False
    audio_mask = visual_mask.clone()
    audio_mask[2] = False
    visual_mask[3, :2] = False
    inputs = {
        "visual": torch.randn(4, frames, width, generator=generator).masked_fill(~visual_mask.unsqueeze(-1), 0),
        "audio": torch.randn(4, frames, width, generator=generator).masked_fill(~audio_mask.unsqueeze(-1), 0),
        "visual_mask": visual_mask,
        "audio_mask": audio_mask,
    }
    samples = [
        ForgerySample(sample_id=f"clip{i}", video_id=f"clip{i}", corpus="synthetic", method="m", label=i % 2)
        for i in range(4)
    ]
    return inputs, samples


def pictures(side=SIDE):
    """Four pictures of noise at several scales, uint8 [4, 3, side, side], channels last as loaders give them."""
    generator = torch.Generator().manual_seed(4)
    layers = [torch.rand(4, 3, side >> level, side >> level, generator=generator) for level in range(4)]
    mixed = sum(torch.nn.functional.interpolate(layer, size=(side, side)) for layer in layers) / len(layers)
    return (255 * mixed).to(torch.uint8).contiguous(memory_format=torch.channels_last)


def clips_of_pictures():
    """Four clips of three `pictures`, the second with one frame less."""
    mask = torch.ones(4, 3, dtype=torch.bool)
    mask[1, 2] = False
    return {"image": torch.stack([pictures().roll(n, dims=0) for n in range(3)], dim=1), "image_mask": mask}


def batch_of(detector):
    """`batch` for a detector of clips, or the same samples with `pictures` or `clips_of_pictures`."""
    inputs, samples = batch()
    name = type(detector).__name__
    if name in OF_CLIPS:
        inputs = clips_of_pictures()
    return ({"image": pictures()} if name in OF_PICTURES else inputs), samples


def outputs_of(size=6, frames=FRAMES, channels=8):
    """What a detector hands to its loss, as leaves that need gradients, and the targets."""
    generator = torch.Generator().manual_seed(2)

    def leaf(*shape):
        return torch.randn(*shape, generator=generator).requires_grad_()

    outputs = {"fake_logit": leaf(size)}
    for modality in ("visual", "audio"):
        outputs[f"{modality}_embedding"] = leaf(size, channels)
        outputs[f"{modality}_frames"] = leaf(size, frames, channels)
        outputs[f"{modality}_mask"] = torch.ones(size, frames, dtype=torch.bool)
    outputs["visual_mask"][1, 4:] = False
    return outputs, {"label": torch.arange(size) % 2}
