"""Where in time a clip is fake: the demo's cross-modal transformer with a localization head, on 3 s clips.

The trunk of xmodal_demo, for synthetic data: a replica of LAV-DF, in which single words are forged in picture, sound
or both. Two CPU cores train it in a few minutes.

Run it:

    python tools/make_replica.py --corpus lavdf --identities 120 --takes 3 --output work_dirs/lavdf/replica
    python tools/extract_features.py --input work_dirs/lavdf/replica --output work_dirs/lavdf/features
    python tools/train.py configs/xmodal_localize_demo.py --data-root work_dirs/lavdf/features

Needs under 2 GB of memory and no GPU. tools/localize_controls.py does all of it for several seeds, with the twins.
"""

_base_ = ["_base_/models/xmodal_localize_demo.py", "_base_/localize_demo.py"]
