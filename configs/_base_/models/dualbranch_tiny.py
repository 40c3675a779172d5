"""The dual-branch detector with branches of 0.1 M parameters and no trained weights, for small crops on a CPU."""

model = dict(
    type="DualBranchDetector",
    rgb=dict(type="TimmBackbone", name="test_efficientnet"),
    frequency=dict(
        type="FrequencyBackbone",
        transform=dict(type="BlockDCT", window=8, stride=1, bands=6),
        backbone=dict(type="TimmBackbone", name="test_efficientnet", in_channels=6),
    ),
    rgb_projection=dict(type="FeatureProjection", in_channels=256, out_channels=64, dropout=0.1),
    frequency_projection=dict(type="FeatureProjection", in_channels=256, out_channels=64, dropout=0.1),
    fusion=dict(type="ConcatFusion", in_channels=64, dropout=0.1),
    head=dict(type="ClassificationHead", in_channels=64, dropout=0.2),
    loss=dict(
        type="CombinedLoss",
        terms=dict(
            ce=dict(type="BinaryCrossEntropyLoss"),
            focal=dict(type="FocalLoss"),
            macro_f1=dict(type="SoftMacroF1Loss"),
        ),
        weights=dict(ce=0.5, focal=0.3, macro_f1=0.2),
    ),
)
