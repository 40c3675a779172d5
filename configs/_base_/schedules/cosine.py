# AdamW at 1e-4 and a cosine to a hundredth of it by iteration, over 100 epochs.
# A config that changes the number of epochs changes all three figures: max_epochs, and the schedule's T_max and end.
optim_wrapper = dict(
    type="PrecisionOptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.01),
    precision="auto",
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(
        type="CosineAnnealingLR",
        T_max=100,
        eta_min_ratio=0.01,
        by_epoch=True,
        begin=0,
        end=100,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(type="EpochTrainLoop", max_epochs=100, val_interval=1)
val_cfg = dict(type="EvaluationLoop")
test_cfg = dict(type="TestingLoop")
