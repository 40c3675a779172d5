# What a localizing run is judged by: segments and frames beside clips; the best checkpoint by mean average precision.
_base_ = "runtime/default.py"

default_hooks = dict(checkpoint=dict(save_best="localization/map"))
val_evaluator = [dict(type="ForgeryMetric"), dict(type="LocalizationMetric")]
test_evaluator = [dict(type="ForgeryMetric"), dict(type="LocalizationMetric")]
