"""The large localizing detector: the trunk of xmodal_large, and a head that tells where in time a clip is fake."""

_base_ = ["xmodal_large.py", "../losses/localization.py"]

model = dict(
    head=dict(
        _delete_=True,
        type="LocalizationHead",
        in_channels=1024,
        hidden_channels=256,
        num_layers=2,
        dropout=0.15,
        modalities=True,
    ),
    loss={{_base_._localization}},
)
