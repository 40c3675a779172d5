"""The large cross-modal detector: hidden 1024, 6 layers, 16 heads."""

model = dict(
    type="CrossModalTransformer",
    visual_projection=dict(type="FeatureProjection", in_channels=512, out_channels=1024, dropout=0.15),
    audio_projection=dict(type="FeatureProjection", in_channels=512, out_channels=1024, dropout=0.15),
    fusion=dict(
        type="CrossAttentionFusion", channels=1024, num_heads=16, direction="bidirectional", dropout=0.15, rotary=True
    ),
    temporal=dict(
        type="TemporalTransformer",
        channels=1024,
        num_layers=6,
        num_heads=16,
        dropout=0.15,
        positions="rotary",
        norm="pre",
    ),
    head=dict(type="ClassificationHead", in_channels=1024, dropout=0.15),
    embedding=dict(type="EmbeddingHead", in_channels=1024, out_channels=256),
    synchrony=dict(type="LaggedSimilarity", in_channels=256, out_channels=1024, max_lag=8),
    loss=dict(
        type="CombinedLoss",
        terms=dict(
            bce=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
            info_nce=dict(type="InfoNCELoss", temperature=0.07),
        ),
        weights=dict(info_nce=0.6),
    ),
)
