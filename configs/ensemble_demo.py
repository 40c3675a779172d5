"""The small twins as an ensemble: the dual-branch detector on crops and the demo's cross-modal and unimodal ones.

The same idea as ensemble_visual_audio, at a size that two CPU cores train. Each member is trained by its own config on
one corpus with sound, out of which both preprocess.py and extract_features.py were run. Stacking gives a member that
knows nothing next to no weight, where a mean would let it spoil the others.

    python tools/train.py configs/ensemble_demo.py --data-root crops=CROPS cross_modal=FEATURES visual=FEATURES

Needs under 2 GB of memory and no GPU.
"""

ensemble = dict(
    members=[
        dict(name="crops", config="dualbranch_tiny_ffpp", checkpoint="work_dirs/dualbranch_tiny_ffpp/best.pth"),
        dict(name="cross_modal", config="xmodal_demo", checkpoint="work_dirs/xmodal_demo/best.pth"),
        dict(name="visual", config="visual_only", checkpoint="work_dirs/visual_only/best.pth"),
    ],
    combiner=dict(type="StackingCombiner"),
    calibrator=dict(type="TemperatureCalibrator"),
)
