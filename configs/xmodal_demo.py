"""The demo's cross-modal transformer: hidden 128, 2 layers, 4 heads, on mouth pixels and log-mel of 3 s clips.

The parts of the large model at a size that two CPU cores train in a minute or two, for synthetic replica data.

Run it with everything around it, or alone on features that exist:

    make demo
    python tools/train.py configs/xmodal_demo.py --data-root work_dirs/demo/features

Needs under 2 GB of memory and no GPU.
"""

_base_ = ["_base_/models/xmodal_demo.py", "_base_/demo.py"]
