"""The localizing control that hears the sound only: the widths, depth, head and training of xmodal_localize_demo.

Words that are forged in the picture alone are hidden from it, so that it finds fewer segments than both together.

Run it on the features that xmodal_localize_demo trains on:

    python tools/train.py configs/audio_localize_demo.py --data-root work_dirs/lavdf/features

Needs under 2 GB of memory and no GPU.
"""

_base_ = ["_base_/models/unimodal_localize_demo.py", "_base_/localize_demo.py"]

model = dict(modality="audio")
