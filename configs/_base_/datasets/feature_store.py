"""A packed feature store as tools/extract_features.py writes it, with the splits of its corpus: 128 frames.

Classes are drawn equally often. Neither modality is ever hidden: where a fake is a mismatch of picture and sound, the
label cannot be told from one of them.
"""

_dataset = dict(type="FeatureDataset", seq_len=128, visual_dim=512, audio_dim=512)
_evaluation = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type="SequentialSampler"),
    collate_fn=dict(type="collate_features"),
)

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    drop_last=True,
    sampler=dict(type="MixSampler", mixer=dict(type="BalancedMixer", by=("label",))),
    collate_fn=dict(type="collate_features"),
    dataset=dict(
        split="train",
        transforms=[
            dict(type="TemporalJitter", max_shift=3),
            dict(type="RandomTemporalCrop", min_fraction=0.75, probability=0.5),
            dict(type="FeatureDropout", probability=0.05),
        ],
        **_dataset,
    ),
)
val_dataloader = dict(dataset=dict(split="val", test_mode=True, **_dataset), **_evaluation)
test_dataloader = dict(dataset=dict(split="test", test_mode=True, **_dataset), **_evaluation)
del _dataset, _evaluation
