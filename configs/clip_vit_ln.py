"""A CLIP ViT-B/16 on face crops of which the layer norms alone are trained.

CLIP's picture encoder (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML
2021), adapted by LN-tuning (Qi et al., "Parameter-Efficient Tuning on Layer Normalization for Pre-trained Language
Models", 2022): 0.05% of the backbone is trained.

    python tools/train.py configs/clip_vit_ln.py --data-root CROPS

Crops are resized to 224 pixels. Written for one GPU of 8 GB. Without a network: --cfg-options
model.backbone.pretrained=False or model.backbone.weights=PATH
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(name="vit_base_patch16_clip_224.openai", tuning=dict(type="NormTuning")),
    head=dict(in_channels=768),
)
train_dataloader = dict(dataset=dict(image_size=224))
val_dataloader = dict(dataset=dict(image_size=224))
test_dataloader = dict(dataset=dict(image_size=224))
