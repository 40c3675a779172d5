"""The unimodal controls of xmodal_localize_demo: its widths, depth and head; a config names the modality."""

_base_ = "unimodal_demo.py"

model = dict(
    head=dict(_delete_=True, type="LocalizationHead", in_channels=128, num_layers=2, kernel_size=3, dropout=0.1),
    loss=dict(
        _delete_=True,
        type="CombinedLoss",
        terms=dict(
            clip=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
            frame=dict(type="FrameFocalLoss", output="frame_logits", gamma=0.0),
            boundary=dict(type="BoundaryLoss"),
            proposal=dict(type="FrameFocalLoss", output="proposal_logits", gamma=2.0, alpha=0.75),
            iou=dict(type="DistanceIoULoss"),
            smooth=dict(type="SmoothnessLoss"),
        ),
        weights=dict(clip=0.2, boundary=0.5, smooth=0.005),
    ),
)
