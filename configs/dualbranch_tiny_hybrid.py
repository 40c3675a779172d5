"""The small twin of dualbranch_b4_hybrid.py: dualbranch_tiny_ffpp.py on several corpora at once, drawn equally often.

    python tools/train.py configs/dualbranch_tiny_hybrid.py --data-root FFPP_CROPS DFDC_CROPS

Needs no GPU and under 3 GB of memory. Without --val-data-root PATH it is validated on all of them.
"""

_base_ = ["dualbranch_tiny_ffpp.py"]

train_dataloader = dict(sampler=dict(mixer=dict(by=("corpus", "label"))))
