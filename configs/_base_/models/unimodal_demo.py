"""The demo's unimodal controls: the widths and depth of xmodal_demo; a config names the modality."""

model = dict(
    type="UnimodalTransformer",
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
