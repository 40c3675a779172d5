"""Cross-modal transformer, large size: hidden 1024, 6 layers, 16 heads, on features of 512 numbers a frame.

The audio-visual guide's large run: 50 epochs of AdamW at 2e-4 with 5 epochs of warm-up and a cosine, BCE with label
smoothing 0.1 beside InfoNCE with weight 0.6, dropout 0.15, gradients clipped at 1, batch 80 a process, 320 frames a
clip.

Run it (all visible GPUs; features in the original npz layout or a packed store):

    python tools/train.py configs/xmodal_large.py --launcher pytorch --data-root FEATURES_ROOT

Written for one to many GPUs of 24 GB or more. Less memory: --cfg-options train_dataloader.batch_size=40.
"""

_base_ = [
    "_base_/models/xmodal_large.py",
    "_base_/datasets/feature_tree.py",
    "_base_/schedules/warmup_cosine.py",
    "_base_/runtime/default.py",
]

train_dataloader = dict(batch_size=80, dataset=dict(seq_len=320))
val_dataloader = dict(dataset=dict(seq_len=320))
test_dataloader = dict(dataset=dict(seq_len=320))

optim_wrapper = dict(optimizer=dict(lr=2e-4))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=45, by_epoch=True, begin=5, end=50, convert_to_iter_based=True),
]
