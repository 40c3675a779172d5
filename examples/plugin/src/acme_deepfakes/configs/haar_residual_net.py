"""A small wavelet network on face crops: no trained weights, a CPU is enough.

    zoo train acme::haar_residual_net.py --data-root CROPS

Needs 1 GB of memory; an epoch over 1,000 crops of 112 pixels takes seconds on two cores.
"""

# ruff: noqa: C408, since dict(type="X", ...) is how configs are written
_base_ = ["zoo::_base_/pictures.py"]

model = dict(
    type="ImageDetector",
    backbone=dict(type="HaarResidualNet", widths=(24, 48, 96), drop_rate=0.2),
    head=dict(type="ClassificationHead", in_channels=96),
    loss=dict(type="AsymmetricLoss"),
)
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    sampler=dict(mixer=dict(_delete_=True, type="MethodCapMixer", most=5_000)),
)
val_dataloader = dict(num_workers=0)
test_dataloader = dict(num_workers=0)
val_evaluator = [dict(type="ForgeryMetric"), dict(type="OperatingPoint", max_fpr=0.05)]
test_evaluator = [dict(type="ForgeryMetric"), dict(type="OperatingPoint", max_fpr=0.05)]
train_cfg = dict(max_epochs=20)
