"""Xception on face crops, the reference detector of FaceForensics++.

Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019. The training is the visual
guide's, not the paper's.

    python tools/train.py configs/xception.py --data-root CROPS

Written for one GPU of 8 GB. Without a network: --cfg-options model.backbone.pretrained=False or
model.backbone.weights=PATH
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(name="legacy_xception"),
    head=dict(in_channels=2048),
)
