"""The demo's joint transformer: cross-modal, audio-only and visual-only branches, hidden 128, trained as one.

The small twin of xmodal_joint.py, on the features and with the schedule of xmodal_demo.py.

Run it on the demo's features:

    python tools/train.py configs/xmodal_joint_demo.py --data-root work_dirs/demo/features

Needs under 2 GB of memory and no GPU.
"""

_base_ = ["_base_/models/xmodal_joint_demo.py", "_base_/demo.py"]
