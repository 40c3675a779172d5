"""The small twin of dualbranch_b4_ffpp.py: the same parts and the same schedule shortened, for a CPU.

    python tools/train.py configs/dualbranch_tiny_ffpp.py --data-root CROPS

Needs no GPU, no trained weights and under 2 GB of memory.
"""

_base_ = ["_base_/models/dualbranch_tiny.py", "_base_/pictures.py"]

_epochs = 12

train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0)
test_dataloader = dict(num_workers=0)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(
        type="CosineAnnealingLR",
        T_max=_epochs,
        eta_min=1e-6,
        by_epoch=True,
        begin=0,
        end=_epochs,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=_epochs)
