"""The base cross-modal detector: hidden 768, 4 layers, 8 heads."""

model = dict(
    type="CrossModalTransformer",
    visual_projection=dict(type="FeatureProjection", in_channels=512, out_channels=768, dropout=0.1),
    audio_projection=dict(type="FeatureProjection", in_channels=512, out_channels=768, dropout=0.1),
    fusion=dict(
        type="CrossAttentionFusion", channels=768, num_heads=8, direction="bidirectional", dropout=0.1, rotary=True
    ),
    temporal=dict(
        type="TemporalTransformer",
        channels=768,
        num_layers=4,
        num_heads=8,
        dropout=0.1,
        positions="rotary",
        norm="pre",
    ),
    head=dict(type="ClassificationHead", in_channels=768, dropout=0.1),
    embedding=dict(type="EmbeddingHead", in_channels=768, out_channels=256),
    synchrony=dict(type="LaggedSimilarity", in_channels=256, out_channels=768, max_lag=8),
    loss=dict(
        type="CombinedLoss",
        terms=dict(
            bce=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
            info_nce=dict(type="InfoNCELoss", temperature=0.07),
        ),
        weights=dict(info_nce=0.5),
    ),
)
