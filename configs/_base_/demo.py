# How the demo and its unimodal controls train: 3 s clips, 12 short epochs, the best checkpoint by AUC.
_base_ = ["datasets/feature_store.py", "schedules/warmup_cosine.py", "runtime/default.py"]

_epochs = 12
_warmup = 2

train_dataloader = dict(batch_size=16, num_workers=0, persistent_workers=False, dataset=dict(seq_len=80))
val_dataloader = dict(batch_size=64, num_workers=0, persistent_workers=False, dataset=dict(seq_len=80))
test_dataloader = dict(batch_size=64, num_workers=0, persistent_workers=False, dataset=dict(seq_len=80))

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
train_cfg = dict(max_epochs=_epochs)
default_hooks = dict(checkpoint=dict(save_best="video/auc"))
