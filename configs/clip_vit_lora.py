"""A CLIP ViT-B/16 on face crops, adapted by low-rank sums to its attention.

CLIP's picture encoder (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML
2021), adapted by LoRA (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022): 0.5% of the
backbone is trained.

    python tools/train.py configs/clip_vit_lora.py --data-root CROPS

Crops are resized to 224 pixels. Written for one GPU of 8 GB. Without a network: --cfg-options
model.backbone.pretrained=False or model.backbone.weights=PATH
"""

_base_ = ["_base_/models/image_detector.py", "_base_/pictures.py"]

model = dict(
    backbone=dict(name="vit_base_patch16_clip_224.openai", tuning=dict(type="LoRA", rank=8, alpha=16, dropout=0.1)),
    head=dict(in_channels=768),
)
train_dataloader = dict(dataset=dict(image_size=224))
val_dataloader = dict(dataset=dict(image_size=224))
test_dataloader = dict(dataset=dict(image_size=224))
