# AdamW, 3 epochs of linear warm-up by iteration, then a cosine to zero by iteration; 50 epochs.
# A config that changes the number of epochs changes all four figures: max_epochs, and the schedules' begin and end.
optim_wrapper = dict(
    type="PrecisionOptimWrapper",
    optimizer=dict(type="AdamW", lr=3e-4, weight_decay=1e-4),
    precision="auto",
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=3, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=47, by_epoch=True, begin=3, end=50, convert_to_iter_based=True),
]
train_cfg = dict(type="EpochTrainLoop", max_epochs=50, val_interval=1)
val_cfg = dict(type="EvaluationLoop")
test_cfg = dict(type="TestingLoop")
