_base_ = ["_base_/models/unimodal_localize_demo.py", "_base_/demo.py"]

model = dict(modality="audio")
