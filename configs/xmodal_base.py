"""Cross-modal transformer, base size: hidden 768, 4 layers, 8 heads, on features of 512 numbers a frame.

The audio-visual guide's first run: 50 epochs of AdamW at 3e-4 with 3 epochs of warm-up and a cosine, BCE with label
smoothing 0.1 beside InfoNCE with weight 0.5, gradients clipped at 1, batch 64 a process, 256 frames a clip.

Run it (four GPUs, features in the original npz layout or a packed store):

    python tools/train.py configs/xmodal_base.py --launcher pytorch --data-root FEATURES_ROOT

Written for one to many GPUs of 12 GB or more; a CPU trains it too, slowly.
"""

_base_ = [
    "_base_/models/xmodal_base.py",
    "_base_/datasets/feature_tree.py",
    "_base_/schedules/warmup_cosine.py",
    "_base_/runtime/default.py",
]
