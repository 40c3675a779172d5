"""The base localizing detector: the trunk of xmodal_base, and a head that tells where in time a clip is fake."""

_base_ = ["xmodal_base.py", "../losses/localization.py"]

model = dict(
    head=dict(
        _delete_=True,
        type="LocalizationHead",
        in_channels=768,
        hidden_channels=256,
        num_layers=2,
        dropout=0.1,
        modalities=True,
    ),
    loss={{_base_._localization}},
)
