"""One backbone of timm on face crops, and a head; a config names the backbone.

A config sets the backbone's name and the head's in_channels. Trained weights are fetched when a run starts from
nothing; --cfg-options model.backbone.pretrained=False begins with random ones.
"""

model = dict(
    type="ImageDetector",
    backbone=dict(type="TimmBackbone", pretrained=True),
    head=dict(type="ClassificationHead", hidden_channels=512, dropout=0.4),
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
