"""Like F3-Net: Xceptions on learnt frequency bands of face crops and on local frequency statistics.

Qian et al., "Thinking in Frequency: Face Forgery Detection by Mining Frequency-aware Clues", ECCV 2020. What differs:
the streams meet once, after their last blocks, and not at several depths; the filters are learnt on a grid; windows of
local statistics are one pixel apart, so that the feature maps of both streams are equally large.

    python tools/train.py configs/f3net.py --data-root CROPS

Written for one GPU of 16 GB. Without a network: --cfg-options model.rgb.backbone.pretrained=False
model.frequency.backbone.pretrained=False
"""

_base_ = ["_base_/models/two_stream_xception.py", "_base_/pictures.py"]

model = dict(
    rgb=dict(
        _delete_=True,
        type="FrequencyBackbone",
        transform=dict(type="FrequencyDecomposition"),
        backbone=dict(type="TimmBackbone", name="legacy_xception", pretrained=True, pooled=False, in_channels=12),
    ),
    frequency=dict(
        transform=dict(type="BlockDCT", window=10, stride=1, bands=6),
        backbone=dict(in_channels=6),
    ),
)
