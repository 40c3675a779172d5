"""The demo's cross-modal detector: hidden 128, 2 layers, 4 heads; trains in a minute on two cores."""

model = dict(
    type="CrossModalTransformer",
    visual_projection=dict(type="FeatureProjection", in_channels=512, out_channels=128, dropout=0.1, center=True),
    audio_projection=dict(type="FeatureProjection", in_channels=512, out_channels=128, dropout=0.1, center=True),
    fusion=dict(
        type="CrossAttentionFusion", channels=128, num_heads=4, direction="bidirectional", dropout=0.1, rotary=True
    ),
    temporal=dict(
        type="TemporalTransformer",
        channels=128,
        num_layers=2,
        num_heads=4,
        dropout=0.1,
        positions="rotary",
        norm="pre",
    ),
    head=dict(type="ClassificationHead", in_channels=128, dropout=0.1),
    embedding=dict(type="EmbeddingHead", in_channels=128, out_channels=64),
    synchrony=dict(type="LaggedSimilarity", in_channels=64, out_channels=128, max_lag=8),
    loss=dict(
        type="CombinedLoss",
        terms=dict(
            bce=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
            info_nce=dict(type="InfoNCELoss", temperature=0.07),
            frame_info_nce=dict(type="FrameInfoNCELoss", temperature=0.07),
        ),
        weights=dict(info_nce=0.25, frame_info_nce=0.5),
    ),
)
