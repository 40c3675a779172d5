"""Face crops as tools/preprocess.py writes them, with the splits of their corpus: 8 new frames of each video an epoch.

Classes are drawn equally often. Pictures come as bytes, channels last; the detector normalises them. Several corpora
are read together with data_root = [PATH, ...]; training is refused where people, sources or frames cross the splits of
any of them. The augmentation is the preset "guide"; --cfg-options train_dataloader.dataset.transforms.0.name=strong (or
none) chooses another.
"""

_dataset = dict(type="CropDataset")
_evaluation = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type="SequentialSampler"),
    collate_fn=dict(type="collate_crops"),
)

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="MixSampler", mixer=dict(type="BalancedMixer", by=("label",))),
    collate_fn=dict(type="collate_crops"),
    dataset=dict(
        split="train",
        frames_per_video=8,
        transforms=[dict(type="AugmentationPreset", name="guide")],
        **_dataset,
    ),
)
val_dataloader = dict(dataset=dict(split="val", test_mode=True, **_dataset), **_evaluation)
test_dataloader = dict(dataset=dict(split="test", test_mode=True, **_dataset), **_evaluation)
del _dataset, _evaluation
