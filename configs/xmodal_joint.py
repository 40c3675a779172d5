"""Joint transformer: cross-modal, audio-only and visual-only branches of base size, trained as one.

The fused logit's BCE weighs 1, the branches' own losses 0.3 (cross-modal, with InfoNCE), 0.2 (audio) and 0.2 (visual).
The branches' frames are concatenated; a clip without sound or without a face is judged by what the others hold. Trained
as xmodal_base.py, 50 epochs.

Run it (four GPUs, features in the original npz layout or a packed store):

    python tools/train.py configs/xmodal_joint.py --launcher pytorch --data-root FEATURES_ROOT

Fused by a scalar that is learnt, in a config of one's own:

    _base_ = ["zoo::xmodal_joint.py"]
    model = dict(fusion=dict(_delete_=True, type="WeightedFusion", channels=768))

Written for one to many GPUs of 24 GB or more. Less memory: --cfg-options train_dataloader.batch_size=32.
"""

_base_ = [
    "_base_/models/xmodal_joint.py",
    "_base_/datasets/feature_tree.py",
    "_base_/schedules/warmup_cosine.py",
    "_base_/runtime/default.py",
]
