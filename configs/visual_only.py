"""The demo's control that sees the picture only: the widths, depth and training of xmodal_demo with one modality.

On replica data neither modality alone tells real from fake, so a good figure here would betray a shortcut.

Run it on the demo's features:

    python tools/train.py configs/visual_only.py --data-root work_dirs/demo/features

Needs under 2 GB of memory and no GPU.
"""

_base_ = ["_base_/models/unimodal_demo.py", "_base_/demo.py"]

model = dict(modality="visual")
