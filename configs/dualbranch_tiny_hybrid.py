"""The small twin of the hybrid: dualbranch_tiny_ffpp.py on several corpora at once, validated on its --data-root alone.

Every corpus is drawn equally often, and in it every class.

    python tools/train.py configs/dualbranch_tiny_hybrid.py --data-root FFPP_CROPS \
        --cfg-options train_dataloader.dataset.data_root=[FFPP_CROPS,DFDC_CROPS]
"""

_base_ = ["dualbranch_tiny_ffpp.py"]

train_dataloader = dict(sampler=dict(type="MixSampler", mixer=dict(type="BalancedMixer")))
