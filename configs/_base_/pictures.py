# How detectors of face crops train: at most 100 epochs at batch 32, until macro-F1 has not risen for 15 of them.
_base_ = ["datasets/crops.py", "schedules/cosine.py", "runtime/default.py"]

custom_hooks = [dict(type="EarlyStopping", monitor="video/macro_f1", rule="greater", patience=15)]
