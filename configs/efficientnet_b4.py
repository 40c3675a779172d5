"""EfficientNet-B4 on face crops: the colour branch of the baseline alone.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; on faces, Bonettini
et al., "Video Face Manipulation Detection Through Ensemble of CNNs", ICPR 2020.

    python tools/train.py configs/efficientnet_b4.py --data-root CROPS

Written for one GPU of 8 GB. Without a network: --cfg-options model.backbone.pretrained=False or
model.backbone.weights=PATH
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(name="efficientnet_b4", drop_path_rate=0.2),
    head=dict(in_channels=1792),
)
