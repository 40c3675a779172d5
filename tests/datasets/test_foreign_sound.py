"""Clips with the sounds of others: nobody keeps his own, pictures and labels stay."""

import numpy as np
import pytest
import torch

from zoo.datasets.features import FeatureDataset
from zoo.datasets.foreign_sound import ForeignSoundDataset
from zoo.errors import ConfigError, DataError
from zoo.features.store import FeatureStoreWriter
from zoo.registry import build
from zoo.structures import VideoRecord

CLIPS = 12
FRAMES = [6 + 2 * (clip % 4) for clip in range(CLIPS)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    writer = FeatureStoreWriter(root, fingerprint="f", visual_dim=3, audio_dim=2)
    for clip, frames in enumerate(FRAMES):
        facts = {"path": "", "corpus": "c", "split": "test", "method": "m", "label": clip % 2}
        visual, audio = np.full((frames, 3), clip + 1.0), np.full((frames, 2), 100.0 + clip)
        audio[:, 1] = np.arange(frames) + 1
        record = VideoRecord(video_id=f"v{clip:02d}", **facts)
        writer.add(record, visual.astype(np.float32), audio.astype(np.float32), np.arange(frames) / 25)
    writer.pack()
    return str(root)


def read(dataset):
    return dataset.__getitems__(range(len(dataset)))


def clip_of(sample):
    return int(sample.video_id[1:])


def test_sounds_are_swapped_and_the_rest_stays(store):
    options = {"split": "test", "seq_len": 10, "test_mode": True}
    own = read(FeatureDataset(store, **options))
    swapped = read(build("dataset", {"type": "ForeignSoundDataset", "data_root": store, **options}))
    for name in ("visual", "visual_mask"):
        assert torch.equal(own["inputs"][name], swapped["inputs"][name])
    assert [vars_of(a) for a in own["data_samples"]] == [vars_of(a) for a in swapped["data_samples"]]
    givers = []
    for row, sample in enumerate(swapped["data_samples"]):
        audio, mask = swapped["inputs"]["audio"][row], swapped["inputs"]["audio_mask"][row]
        giver = int(audio[0, 0]) - 100
        givers.append(giver)
        assert giver != clip_of(sample)
        length = min(10, FRAMES[giver], FRAMES[clip_of(sample)])
        assert mask.tolist() == [True] * length + [False] * (len(mask) - length)
        assert (audio[~mask] == 0).all() and (audio[:length, 0] == 100 + giver).all()
        first = max(FRAMES[giver] - 10, 0) // 2
        assert audio[:length, 1].tolist() == [first + 1.0 + frame for frame in range(length)]
    assert sorted(givers) == list(range(CLIPS))


def vars_of(sample):
    return sample.sample_id, sample.video_id, sample.label


def test_who_gets_whose_sound_depends_on_names_and_seed_alone(store):
    options = {"split": "test", "seq_len": 10, "test_mode": True}
    whole = read(ForeignSoundDataset(store, **options))["inputs"]["audio"]
    single = ForeignSoundDataset(store, seed=7, **options)
    for row in (0, 5):
        assert torch.equal(single[row]["inputs"]["audio"], whole[row])
    assert not torch.equal(read(ForeignSoundDataset(store, sound_seed=1, **options))["inputs"]["audio"], whole)


def test_what_cannot_be_swapped_is_a_clear_error(store):
    with pytest.raises(ConfigError, match="pictures and sound"):
        ForeignSoundDataset(store, split="test", modality="visual", test_mode=True)
    with pytest.raises(DataError, match="single clip"):
        ForeignSoundDataset(one_clip(store), split="test", test_mode=True)


def one_clip(store):
    root = f"{store}_one"
    writer = FeatureStoreWriter(root, fingerprint="f", visual_dim=1, audio_dim=1)
    rows = np.ones((4, 1), np.float32)
    record = VideoRecord(video_id="v", path="", corpus="c", split="test", method="m", label=0)
    writer.add(record, rows, rows, np.arange(4) / 25)
    writer.pack()
    return root
