"""The large localizing detector: the trunk of xmodal_large, and a head that tells where in time a clip is fake."""

_base_ = "xmodal_large.py"

model = dict(
    head=dict(
        _delete_=True,
        type="LocalizationHead",
        in_channels=1024,
        hidden_channels=256,
        num_layers=2,
        dropout=0.15,
        modalities=True,
    ),
    loss=dict(
        _delete_=True,
        type="CombinedLoss",
        terms=dict(
            clip=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
            frame=dict(type="FrameFocalLoss", output="frame_logits", gamma=2.0, alpha=0.75),
            boundary=dict(type="BoundaryLoss"),
            proposal=dict(type="FrameFocalLoss", output="proposal_logits", gamma=2.0, alpha=0.75),
            iou=dict(type="DistanceIoULoss"),
            modality=dict(type="FrameFocalLoss", output="modality_logits", gamma=2.0, alpha=0.75),
            info_nce=dict(type="InfoNCELoss", temperature=0.07),
            contrast=dict(type="SegmentContrastLoss"),
            smooth=dict(type="SmoothnessLoss"),
        ),
        weights=dict(clip=0.2, boundary=0.5, modality=0.5, info_nce=0.1, contrast=0.25, smooth=0.005),
    ),
)
