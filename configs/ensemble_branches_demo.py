"""The late twin of xmodal_joint_demo: its three branches trained one by one, and their scores combined.

The cross-modal, the audio-only and the visual-only transformer of the demo, each trained by its own config on the same
features; their scores are averaged with weights fitted on the validation split, and Platt's scaling makes the mean a
probability.

    python tools/train.py configs/ensemble_branches_demo.py --data-root FEATURES
    python tools/test.py configs/ensemble_branches_demo.py work_dirs/ensemble_branches_demo/ensemble.json --members \
        --data-root FEATURES

Needs under 2 GB of memory and no GPU.
"""

ensemble = dict(
    members=[
        dict(name="cross_modal", config="xmodal_demo", checkpoint="work_dirs/xmodal_demo/best.pth"),
        dict(name="audio", config="audio_only", checkpoint="work_dirs/audio_only/best.pth"),
        dict(name="visual", config="visual_only", checkpoint="work_dirs/visual_only/best.pth"),
    ],
    combiner=dict(type="WeightedMeanCombiner"),
    calibrator=dict(type="PlattCalibrator"),
)
