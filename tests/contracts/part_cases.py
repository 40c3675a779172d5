"""A small instance of every built-in part."""

from zoo.plugins import catalog
from zoo.testing.case import Case
from zoo.testing.samples import WIDTH

CHANNELS = 16

TINY = {"type": "TimmBackbone", "name": "test_efficientnet"}
TINY_FREQUENCY = {
    "type": "FrequencyBackbone",
    "transform": {"type": "SRMResiduals"},
    "backbone": {"type": "TimmBackbone", "name": "test_resnet", "in_channels": 9},
}

CONFIGS = {
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
        "LocalizationHead": {"in_channels": CHANNELS, "modalities": True},
    },
    "loss": {
        "BoundaryLoss": {},
        "BinaryCrossEntropyLoss": {"label_smoothing": 0.1, "pos_weight": 0.5},
        "CombinedLoss": {
            "terms": {"focal": {"type": "FocalLoss"}, "frames": {"type": "FrameInfoNCELoss"}},
            "weights": {"frames": 0.5},
        },
        "DistanceIoULoss": {},
        "FocalLoss": {"alpha": 0.25},
        "FrameFocalLoss": {"alpha": 0.75},
        "FrameInfoNCELoss": {"learnable_temperature": True},
        "InfoNCELoss": {"learnable_temperature": True},
        "SegmentContrastLoss": {"margin": -0.9},
        "SmoothnessLoss": {},
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
    "metric": {"ForgeryMetric": {}, "LocalizationMetric": {}},
    "mixer": {
        "BalancedMixer": {},
        "ProportionalMixer": {},
        "TemperatureMixer": {"temperature": 2.0},
        "WeightedMixer": {"weights": {"a": 1, "b": 2.5}},
    },
}

_CROSS_MODAL = {"type": "CrossModalTransformer", **CONFIGS["detector"]["CrossModalTransformer"]}
_AUDIO = {"type": "UnimodalTransformer", **CONFIGS["detector"]["UnimodalTransformer"]}
_VISUAL = {**_AUDIO, "modality": "visual"}
CONFIGS["detector"] |= {
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


def names(kind):
    """The built-in components of ``kind``; there is at least one."""
    found = [name for name in catalog().names(kind) if catalog().find(name).origin == "zoo"]
    assert found
    return found


def cases(kind):
    """Every built-in component of ``kind``; a new one needs a config above."""
    return [Case(kind=kind, component=name, config=CONFIGS[kind][name]) for name in names(kind)]
