"""The visual guide's loss: 0.5 cross-entropy + 0.3 focal + 0.2 soft macro-F1."""

model = dict(
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
