"""Two small detectors of different kinds as one: face crops, and picture with sound.

The dual-branch detector looks at single faces and finds what was drawn badly; the cross-modal transformer follows mouth
and sound and finds what does not belong together. Their scores are averaged with weights fitted on the validation
split, and Platt's scaling makes the mean a probability. Each member is trained by its own config on one corpus with
sound, out of which both preprocess.py and extract_features.py were run, so that both know its videos by the same ids:

    python tools/train.py configs/ensemble_crops_xmodal_demo.py --data-root crops=CROPS cross_modal=FEATURES
    python tools/test.py configs/ensemble_crops_xmodal_demo.py work_dirs/ensemble_crops_xmodal_demo/ensemble.json \
        --members --data-root crops=CROPS cross_modal=FEATURES

`zoo ensemble-controls` measures it over several seeds. Needs under 2 GB of memory and no GPU.
"""

ensemble = dict(
    members=[
        dict(name="crops", config="dualbranch_tiny_ffpp", checkpoint="work_dirs/dualbranch_tiny_ffpp/best.pth"),
        dict(name="cross_modal", config="xmodal_demo", checkpoint="work_dirs/xmodal_demo/best.pth"),
    ],
    combiner=dict(type="WeightedMeanCombiner"),
    calibrator=dict(type="PlattCalibrator"),
)
