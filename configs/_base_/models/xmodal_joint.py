"""Three branches of base size trained as one: cross-modal, audio-only and visual-only; hidden 768, 4 layers, 8 heads.

Beside the fused logit every branch has its own loss, the one that it has alone, weighed 0.3, 0.2 and 0.2. Other ways to
fuse are other parts in `unimodal_fusion` and `fusion`: ConcatFusion puts two streams side by side, WeightedFusion takes
their mean by scalars, GatedFusion one by channel, and in CrossAttentionFusion they attend to each other.
"""

_projection = dict(type="FeatureProjection", in_channels=512, out_channels=768, dropout=0.1)
_temporal = dict(
    type="TemporalTransformer",
    channels=768,
    num_layers=4,
    num_heads=8,
    dropout=0.1,
    positions="rotary",
    norm="pre",
)
_head = dict(type="ClassificationHead", in_channels=768, dropout=0.1)
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
            channels=768,
            num_heads=8,
            direction="bidirectional",
            dropout=0.1,
            rotary=True,
        ),
        temporal=dict(**_temporal),
        head=dict(**_head),
        embedding=dict(type="EmbeddingHead", in_channels=768, out_channels=256),
        synchrony=dict(type="LaggedSimilarity", in_channels=256, out_channels=768, max_lag=8),
        loss=dict(
            type="CombinedLoss",
            terms=dict(
                bce=_bce,
                info_nce=dict(type="InfoNCELoss", temperature=0.07),
            ),
            weights=dict(info_nce=0.5),
        ),
    ),
    audio=dict(modality="audio", **_one_modality),
    visual=dict(modality="visual", **_one_modality),
    auxiliary_weights=dict(cross_modal=0.3, audio=0.2, visual=0.2),
    unimodal_fusion=dict(type="ConcatFusion", in_channels=768, dropout=0.1),
    fusion=dict(type="ConcatFusion", in_channels=768, dropout=0.1),
    head=dict(**_head),
    loss=_bce,
)
del _projection, _temporal, _head, _bce, _one_modality
