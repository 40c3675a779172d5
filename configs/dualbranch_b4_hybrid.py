"""The dual-branch detector on FaceForensics++, DFDC and Celeb-DF in one run: the visual guide's hybrid training.

Model, losses and schedule are those of dualbranch_b4_ffpp.py. The corpora are drawn equally often, and in each of them
real and fake faces, whatever their sizes: a table before training tells the exact draws of every corpus, class and
method, and the log compares those of each epoch with it.

The corpora are those of Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", 2019; of
Dolhansky et al., "The DeepFake Detection Challenge (DFDC) Dataset", 2020; and of Li et al., "Celeb-DF: A Large-scale
Challenging Dataset for DeepFake Forensics", 2020. Cut the faces of each out in the same way, and those of a fourth one
to be validated on, then train:

    for corpus in faceforensics dfdc celebdf fakeavceleb; do
        python tools/preprocess.py --input data/$corpus --output data/${corpus}_crops --image-size 224
    done
    python tools/train.py configs/dualbranch_b4_hybrid.py --val-data-root data/fakeavceleb_crops

Without --val-data-root the three corpora's own validation splits are used; --data-root A B C names other places.
Another mixture is another `mixer` in the config (zoo list mixer), such as dict(type="WeightedMixer",
weights={"ff++": 2, "dfdc/real": 1, "dfdc/fake": 1, "celebdf": 1}). Written for one GPU of 12 GB; the first start
fetches ImageNet weights (without a network see dualbranch_b4_ffpp.py).
"""

_base_ = ["_base_/models/dualbranch_b4.py", "_base_/pictures.py"]

data_root = ["data/faceforensics_crops", "data/dfdc_crops", "data/celebdf_crops"]
train_dataloader = dict(sampler=dict(mixer=dict(by=("corpus", "label"))))
