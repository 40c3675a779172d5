"""The dual-branch detector: two EfficientNet-B4, one on pixels and one on their block DCT; 43.6 M parameters.

2 x 17.55 M are the branches and 8.53 M what joins them: projections from 1,792 to 1,280 channels, the fusion of both at
that width, and a head with 512 hidden channels. The frequency branch works at half the picture's width and height,
since its windows are 2 pixels apart. Another transform is another `type`, and as many `in_channels` as it gives.
"""

_base_ = ["../losses/combined.py"]

model = dict(
    type="DualBranchDetector",
    rgb=dict(type="TimmBackbone", name="efficientnet_b4", pretrained=True, drop_path_rate=0.2),
    frequency=dict(
        type="FrequencyBackbone",
        transform=dict(type="BlockDCT", window=8, stride=2, bands=6),
        backbone=dict(type="TimmBackbone", name="efficientnet_b4", pretrained=True, in_channels=6, drop_path_rate=0.2),
    ),
    rgb_projection=dict(type="FeatureProjection", in_channels=1792, out_channels=1280, dropout=0.2),
    frequency_projection=dict(type="FeatureProjection", in_channels=1792, out_channels=1280, dropout=0.2),
    fusion=dict(type="ConcatFusion", in_channels=1280, dropout=0.2),
    head=dict(type="ClassificationHead", in_channels=1280, hidden_channels=512, dropout=0.4),
)
