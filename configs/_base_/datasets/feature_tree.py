"""Features in the original layout, {real,fake}/<clip>/{visual,audio}_embeddings.npz, or a packed store: 256 frames.

Where the data tells no splits, 80/10/10 by a hash that keeps clips of one name (a store: of one person) together.
Classes are drawn equally often. The augmentation is the audio-visual guide's.
"""

_dataset = dict(type="FeatureDataset", seq_len=256, visual_dim=512, audio_dim=512, split_ratio=(0.8, 0.1, 0.1))
_evaluation = dict(
    batch_size=64,
    num_workers=2,
    sampler=dict(type="SequentialSampler"),
    collate_fn=dict(type="collate_features"),
)

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="MixSampler", mixer=dict(type="BalancedMixer", by=("label",))),
    collate_fn=dict(type="collate_features"),
    dataset=dict(
        split="train",
        transforms=[
            dict(type="TemporalJitter", max_shift=3),
            dict(type="RandomTemporalCrop", min_fraction=0.75, probability=0.5),
            dict(type="FeatureDropout", probability=0.1),
            dict(type="ModalityDropout", probability=0.1),
        ],
        **_dataset,
    ),
)
val_dataloader = dict(dataset=dict(split="val", test_mode=True, **_dataset), **_evaluation)
test_dataloader = dict(dataset=dict(split="test", test_mode=True, **_dataset), **_evaluation)
del _dataset, _evaluation
