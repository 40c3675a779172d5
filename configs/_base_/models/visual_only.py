"""The demo's control that sees the picture only: the same widths and depth as xmodal_demo."""

model = dict(
    type="UnimodalTransformer",
    modality="visual",
    projection=dict(type="FeatureProjection", in_channels=512, out_channels=128, dropout=0.1, center=True),
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
    loss=dict(type="BinaryCrossEntropyLoss", label_smoothing=0.1),
)
