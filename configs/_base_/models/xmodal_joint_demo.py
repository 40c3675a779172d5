"""The demo's three branches trained as one: hidden 128, 2 layers, 4 heads; see xmodal_joint.py."""

_projection = dict(type="FeatureProjection", in_channels=512, out_channels=128, dropout=0.1, center=True)
_temporal = dict(
    type="TemporalTransformer",
    channels=128,
    num_layers=2,
    num_heads=4,
    dropout=0.1,
    positions="rotary",
    norm="pre",
)
_head = dict(type="ClassificationHead", in_channels=128, dropout=0.1)
_bce = dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1)
_one_modality = dict(
    type="UnimodalTransformer",
    projection=dict(**_projection),
    temporal=dict(**_temporal),
    head=dict(**_head),
    loss=_bce,
)

model = dict(
    type="JointTransformer",
    cross_modal=dict(
        type="CrossModalTransformer",
        visual_projection=dict(**_projection),
        audio_projection=dict(**_projection),
        fusion=dict(
            type="CrossAttentionFusion",
            channels=128,
            num_heads=4,
            direction="bidirectional",
            dropout=0.1,
            rotary=True,
        ),
        temporal=dict(**_temporal),
        head=dict(**_head),
        embedding=dict(type="EmbeddingHead", in_channels=128, out_channels=64),
        synchrony=dict(type="LaggedSimilarity", in_channels=64, out_channels=128, max_lag=8),
        loss=dict(
            type="CombinedLoss",
            terms=dict(
                bce=_bce,
                info_nce=dict(type="InfoNCELoss", temperature=0.07),
                frame_info_nce=dict(type="FrameInfoNCELoss", temperature=0.07),
            ),
            weights=dict(info_nce=0.25, frame_info_nce=0.5),
        ),
    ),
    audio=dict(modality="audio", **_one_modality),
    visual=dict(modality="visual", **_one_modality),
    auxiliary_weights=dict(cross_modal=0.3, audio=0.2, visual=0.2),
    unimodal_fusion=dict(type="ConcatFusion", in_channels=128, dropout=0.1),
    fusion=dict(type="ConcatFusion", in_channels=128, dropout=0.1),
    head=dict(**_head),
    loss=_bce,
)
del _projection, _temporal, _head, _bce, _one_modality
