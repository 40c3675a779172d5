"""What base and large localizing detectors are trained by: frames, boundaries, segments, and both streams' contrast.

For `model.loss` of a config that has this file among its bases: `loss={{_base_._localization}}`.
"""

_localization = dict(
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
)
