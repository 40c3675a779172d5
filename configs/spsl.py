"""Like SPSL: Xception on the colours and the phase spectrum of face crops.

Liu et al., "Spatial-Phase Shallow Learning: Rethinking Face Forgery Detection in Frequency Domain", CVPR 2021. What
differs: the paper cuts Xception's middle blocks out, here it is whole; the four channels are standardised by the batch.

    python tools/train.py configs/spsl.py --data-root CROPS

Written for one GPU of 8 GB. Without a network: --cfg-options model.backbone.backbone.pretrained=False
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(
        _delete_=True,
        type="FrequencyBackbone",
        transform=dict(type="PhaseSpectrum"),
        backbone=dict(type="TimmBackbone", name="legacy_xception", pretrained=True, in_channels=4),
    ),
    head=dict(in_channels=2048),
)
