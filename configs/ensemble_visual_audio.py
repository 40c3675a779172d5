"""Three kinds of detectors as one: face crops, picture with sound, and sound alone, stacked and calibrated.

The members are trained beforehand, each by its own config, on one corpus, whose ids join them. A video without sound
gets a score from the crops alone, and its row in the predictions says so. Logistic stacking weighs the members on the
validation split, Platt's scaling makes its scores probabilities, and videos too close to call are left to people: of
videos like those of the validation, at most 5% of the real ones are called fake, and of the fake ones real.

Fit, then test with every member's part in it (names and paths of data as there are):

    python tools/train.py configs/ensemble_visual_audio.py --data-root visual=CROPS cross_modal=FEATURES audio=FEATURES
    python tools/test.py configs/ensemble_visual_audio.py work_dirs/ensemble_visual_audio/ensemble.json --members \
        --data-root visual=CROPS cross_modal=FEATURES audio=FEATURES

Other checkpoints: --cfg-options ensemble.members.0.checkpoint=PATH. Needs what its largest member needs for evaluation,
and a second or two for the rest.
"""

ensemble = dict(
    members=[
        dict(name="visual", config="dualbranch_b4_ffpp", checkpoint="work_dirs/dualbranch_b4_ffpp/best.pth"),
        dict(name="cross_modal", config="xmodal_base", checkpoint="work_dirs/xmodal_base/best.pth"),
        dict(name="audio", config="audio_only", checkpoint="work_dirs/audio_only/best.pth"),
    ],
    combiner=dict(type="StackingCombiner"),
    calibrator=dict(type="PlattCalibrator"),
    abstention=dict(error=0.05),
)
