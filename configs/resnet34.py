"""ResNet-34 on face crops, a plain baseline.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

    python tools/train.py configs/resnet34.py --data-root CROPS

Written for one GPU of 4 GB. Without a network: --cfg-options model.backbone.pretrained=False or
model.backbone.weights=PATH
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(name="resnet34"),
    head=dict(in_channels=512),
)
