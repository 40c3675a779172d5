"""The dual-branch detector on FaceForensics++: the visual guide's baseline.

Two EfficientNet-B4 (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019), on
the pixels of a face crop and on their block DCT; 0.5 cross-entropy + 0.3 focal + 0.2 soft macro-F1, AdamW at 1e-4 with
weight decay 0.01, a cosine to 1e-6 over 100 epochs, batch 32, mixed precision, stopped after 15 epochs without a better
macro-F1.

Cut the faces out, then train (the first start fetches ImageNet weights; without a network see --cfg-options below):

    python tools/preprocess.py --input data/faceforensics --output data/faceforensics_crops --image-size 224
    python tools/train.py configs/dualbranch_b4_ffpp.py --data-root data/faceforensics_crops

Written for one GPU of 12 GB. From random weights: --cfg-options model.rgb.pretrained=False
model.frequency.backbone.pretrained=False
"""

_base_ = ["_base_/models/dualbranch_b4.py", "_base_/pictures.py"]
