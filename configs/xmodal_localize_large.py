"""Where in time a clip is fake, large size: hidden 1024, 6 layers, 16 heads, for LAV-DF and AV-Deepfake1M.

The trunk and training of xmodal_large with a localization head, in windows of up to 768 frames (30 s at 25 frames a
second).

Run it (all visible GPUs; a packed feature store, whose frames have times):

    python tools/train.py configs/xmodal_localize_large.py --launcher pytorch --data-root FEATURES_ROOT

Written for one to many GPUs of 24 GB or more; less memory: --cfg-options train_dataloader.batch_size=12.
"""

_base_ = [
    "_base_/models/xmodal_localize_large.py",
    "_base_/datasets/feature_tree.py",
    "_base_/schedules/warmup_cosine.py",
    "_base_/localization.py",
]

train_dataloader = dict(batch_size=24, dataset=dict(seq_len=768))
val_dataloader = dict(batch_size=24, dataset=dict(seq_len=768))
test_dataloader = dict(batch_size=24, dataset=dict(seq_len=768))

optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=45, by_epoch=True, begin=5, end=50, convert_to_iter_based=True),
]
