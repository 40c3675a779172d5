# How the localizing demo and its unimodal controls train: 3 s clips, 30 short epochs, the best checkpoint by mean AP.
_base_ = ["datasets/feature_store.py", "schedules/warmup_cosine.py", "localization.py"]

_epochs = 30
_warmup = 2

train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        seq_len=80,
        transforms=[
            dict(type="TemporalJitter", max_shift=3),
            dict(type="RandomTemporalCrop", min_fraction=0.75, probability=0.5),
            dict(type="FeatureDropout", probability=0.2, along="dims"),  # whole frames gone would look like boundaries
        ],
    ),
)
val_dataloader = dict(batch_size=64, dataset=dict(seq_len=80))
test_dataloader = dict(batch_size=64, dataset=dict(seq_len=80))

optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=0.01))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=_warmup, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=_epochs - _warmup,
        by_epoch=True,
        begin=_warmup,
        end=_epochs,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=_epochs, val_interval=2)
