"""Where in time a clip is fake, base size: hidden 768, 4 layers, 8 heads, for LAV-DF and AV-Deepfake1M.

The trunk and training of xmodal_base with a localization head: frame, boundary and proposal outputs of one trunk, in
windows of up to 512 frames (20 s at 25 frames a second, which holds all but the longest clips of these corpora).

Run it (four GPUs; a packed feature store, whose frames have times):

    python tools/extract_features.py --input LAV-DF --output FEATURES_ROOT
    python tools/train.py configs/xmodal_localize_base.py --launcher pytorch --data-root FEATURES_ROOT

Written for one to many GPUs of 16 GB or more; less memory: --cfg-options train_dataloader.batch_size=16.
"""

_base_ = [
    "_base_/models/xmodal_localize_base.py",
    "_base_/datasets/feature_tree.py",
    "_base_/schedules/warmup_cosine.py",
    "_base_/localization.py",
]

train_dataloader = dict(batch_size=32, dataset=dict(seq_len=512))
val_dataloader = dict(batch_size=32, dataset=dict(seq_len=512))
test_dataloader = dict(batch_size=32, dataset=dict(seq_len=512))
