"""The small twin, trained without a single fake: real crops and the same blended with themselves.

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022). Validation blends real crops too, so
that the checkpoint is chosen without fakes; the test data are the corpus's own forgeries.

    python tools/train.py configs/dualbranch_tiny_sbi.py --data-root CROPS
"""

_base_ = ["dualbranch_tiny_ffpp.py"]

train_dataloader = dict(dataset=dict(type="SelfBlendedCrops", frames_per_video=5))
val_dataloader = dict(dataset=dict(type="SelfBlendedCrops"))
