"""Like the two-stream SRM detector: Xceptions on the colours of face crops and on their noise residuals.

Luo et al., "Generalizing Face Forgery Detection With High-Frequency Features", CVPR 2021. What differs: the streams
meet once, after their last blocks, and not at several depths; residuals are taken of the pixels alone, not of feature
maps.

    python tools/train.py configs/srm.py --data-root CROPS

Written for one GPU of 16 GB. Without a network: --cfg-options model.rgb.pretrained=False
model.frequency.backbone.pretrained=False
"""

_base_ = ["_base_/models/two_stream_xception.py", "_base_/pictures.py"]

model = dict(frequency=dict(transform=dict(type="SRMResiduals"), backbone=dict(in_channels=9)))
