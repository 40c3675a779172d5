"""The demo's localizing detector: the trunk of xmodal_demo, and a head that tells where in time a clip is fake."""

_base_ = "xmodal_demo.py"

model = dict(
    head=dict(
        _delete_=True,
        type="LocalizationHead",
        in_channels=128,
        num_layers=2,
        kernel_size=3,
        dropout=0.1,
        modalities=True,
    ),
    loss=dict(
        _delete_=True,
        type="CombinedLoss",
        terms=dict(
            clip=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
            frame=dict(type="FrameFocalLoss", output="frame_logits", gamma=0.0),
            boundary=dict(type="BoundaryLoss"),
            proposal=dict(type="FrameFocalLoss", output="proposal_logits", gamma=2.0, alpha=0.75),
            iou=dict(type="DistanceIoULoss"),
            modality=dict(type="FrameFocalLoss", output="modality_logits", gamma=0.0),
            contrast=dict(type="SegmentContrastLoss", margin=0.0),
            frame_info_nce=dict(type="FrameInfoNCELoss", temperature=0.07),
            smooth=dict(type="SmoothnessLoss"),
        ),
        weights=dict(clip=0.2, boundary=0.5, contrast=0.25, frame_info_nce=0.25, modality=0.5, smooth=0.005),
    ),
)
