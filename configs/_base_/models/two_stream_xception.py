"""Two Xceptions on two views of a face crop, joined by attention across their last feature maps.

A config names what each stream sees. Both must see it at sizes whose feature maps are equally large.
"""

_base_ = ["../losses/combined.py"]

_trunk = dict(type="TimmBackbone", name="legacy_xception", pretrained=True, pooled=False)

model = dict(
    type="DualBranchDetector",
    rgb=dict(**_trunk),
    frequency=dict(type="FrequencyBackbone", backbone=dict(**_trunk)),
    rgb_projection=dict(type="FeatureProjection", in_channels=2048, out_channels=512),
    frequency_projection=dict(type="FeatureProjection", in_channels=2048, out_channels=512),
    fusion=dict(type="CrossAttentionFusion", channels=512, num_heads=8),
    head=dict(type="ClassificationHead", in_channels=512, dropout=0.4),
)
del _trunk
