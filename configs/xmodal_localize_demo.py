_base_ = ["_base_/models/xmodal_localize_demo.py", "_base_/demo.py"]
