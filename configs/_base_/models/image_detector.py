"""One backbone of timm on face crops, and a head; a config names the backbone.

A config sets the backbone's name and the head's in_channels. Trained weights are fetched when a run starts from
nothing; --cfg-options model.backbone.pretrained=False begins with random ones.
"""

_base_ = ["../losses/combined.py"]

model = dict(
    type="ImageDetector",
    backbone=dict(type="TimmBackbone", pretrained=True),
    head=dict(type="ClassificationHead", hidden_channels=512, dropout=0.4),
)
