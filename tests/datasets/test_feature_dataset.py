"""FeatureDataset over a packed store and over an npz tree."""

import json
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from zoo.datasets.collate import collate_features
from zoo.datasets.features import FeatureDataset
from zoo.datasets.samplers.epoch import EpochSampler
from zoo.errors import ConfigError, DataError
from zoo.features.store import FeatureStoreWriter
from zoo.registry import build
from zoo.structures import LABEL_NAMES, VideoRecord

WIDTH = 6
CLIPS = 20


def clip_rows(clip, frames):
    rows = np.full((frames, WIDTH), clip, np.float32)
    rows[:, 0] = np.arange(frames)
    return rows


def frames_of(clip):
    return 10 + clip


def ids_of(batch):
    return [sample.sample_id for sample in batch["data_samples"]]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    writer = FeatureStoreWriter(root, fingerprint="extractor-1", visual_dim=WIDTH, audio_dim=WIDTH)
    for clip in range(CLIPS):
        label, frames = clip % 2, frames_of(clip)
        facts = {"corpus": "c", "split": "val" if clip >= 16 else "train", "method": LABEL_NAMES[label]}
        record = VideoRecord(video_id=f"v{clip:02d}", path="", label=label, audio_fake=bool(label), **facts)
        rows = clip_rows(clip, frames)
        labels = np.full(frames, label) if clip == 1 else None
        writer.add(record, rows, rows + 100, np.arange(frames) / 25, frame_labels=labels)
    facts = {"corpus": "c", "split": "train", "method": "real", "label": 0, "path": ""}
    writer.add(VideoRecord(video_id="silent", **facts), clip_rows(0, 5), None, np.arange(5) / 25)
    writer.add(VideoRecord(video_id="broken", **facts), status="decode_error")
    writer.pack()
    return str(root)


def write_tree(root, clips=CLIPS, splits=("",)):
    for split in splits:
        for clip in range(clips):
            folder = root / split / LABEL_NAMES[clip % 2] / f"{clip:02d}"
            folder.mkdir(parents=True)
            for stream, offset in (("visual", 0), ("audio", 100)):
                np.savez(folder / f"{stream}_embeddings.npz", embeddings=clip_rows(clip, frames_of(clip)) + offset)
    return str(root)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(params=["store", "tree"])
def data_root(request, store, tree):
    return {"store": store, "tree": tree}[request.param]


def test_a_sample_keeps_the_contract(data_root):
    dataset = FeatureDataset(data_root, split=None, seq_len=16, test_mode=True)
    assert len(dataset) >= CLIPS
    sample = dataset[len(dataset) - 1]
    inputs, known = sample["inputs"], sample["data_samples"]
    assert {name: (tuple(value.shape), value.dtype) for name, value in inputs.items()} == {
        "visual": ((16, WIDTH), torch.float32),
        "visual_mask": ((16,), torch.bool),
        "audio": ((16, WIDTH), torch.float32),
        "audio_mask": ((16,), torch.bool),
    }
    start = (frames_of(19) - 16) // 2
    assert inputs["visual"][:, 0].tolist() == list(range(start, start + 16))  # the middle of the clip
    assert torch.equal(inputs["audio"], inputs["visual"] + 100)
    assert known.label == 1 and known.method == "fake" and known.status == "ok"
    assert known.sample_id == f"{known.video_id}#{start}-{start + 16}"


def test_times_and_frame_labels_come_with_a_store(store):
    dataset = FeatureDataset(store, split="train", seq_len=8, test_mode=True)
    known = {sample.video_id: sample for sample in dataset.__getitems__(range(len(dataset)))["data_samples"]}
    assert (known["v01"].start_s, known["v01"].end_s) == pytest.approx((1 / 25, 9 / 25))
    assert known["v01"].extra["frame_labels"].tolist() == [1] * 8
    assert known["v02"].extra.keys() == {"frame_times"} and known["v02"].audio_fake is False


def test_a_tree_without_rates_has_no_times(tree):
    known = FeatureDataset(tree, split=None, test_mode=True)[0]["data_samples"]
    assert known.start_s is None and known.end_s is None


def test_short_clips_are_padded_to_one_length(store):
    dataset = FeatureDataset(store, split="train", seq_len=999, test_mode=True)
    batch = dataset.__getitems__([0, len(dataset) - 1])
    longest = frames_of(15)
    assert batch["inputs"]["visual"].shape == (2, longest, WIDTH)
    assert torch.equal(dataset[0]["inputs"]["visual"], batch["inputs"]["visual"][0])
    assert not batch["inputs"]["visual"][~batch["inputs"]["visual_mask"]].any()


def test_batches_equal_samples(data_root):
    dataset = FeatureDataset(data_root, split=None, seq_len=12, transforms=[{"type": "TemporalJitter"}])
    whole = collate_features(dataset.__getitems__([3, 0, 11]))
    single = collate_features([dataset[3], dataset[0], dataset[11]])
    assert whole["inputs"].keys() == single["inputs"].keys()
    for name, values in whole["inputs"].items():
        assert torch.equal(values, single["inputs"][name])
    assert ids_of(whole) == ids_of(single)


def test_labels_rise_and_are_counted(data_root):
    dataset = FeatureDataset(data_root, split=None)
    labels = dataset.labels()
    assert labels.dtype == np.int8 and (np.diff(labels) >= 0).all()
    assert dataset.class_counts() == {0: int((labels == 0).sum()), 1: int((labels == 1).sum())}
    assert [sample.label for sample in dataset.__getitems__(range(len(dataset)))["data_samples"]] == labels.tolist()


def test_clips_that_extraction_gave_up_are_left_out_and_named(store):
    assert FeatureDataset(store).excluded == {"broken": "decode_error"}
    audio = FeatureDataset(store, modality="audio")
    assert audio.excluded == {"broken": "decode_error", "silent": "no valid audio frame"}
    assert set(audio[0]["inputs"]) == {"audio", "audio_mask"}


def test_augmentation_depends_on_seed_epoch_and_index_alone(store):
    options = {"seq_len": 6, "transforms": [{"type": "FeatureDropout"}, {"type": "RandomTemporalCrop"}]}
    first, second = FeatureDataset(store, **options), FeatureDataset(store, **options)
    first[5]
    assert torch.equal(first[3]["inputs"]["visual"], second[3]["inputs"]["visual"])

    def pictures(dataset):
        return dataset.__getitems__(range(len(dataset)))["inputs"]["visual"].clone()

    before = pictures(first)
    first.set_epoch(1)
    assert not torch.equal(pictures(first), before)
    first.set_epoch(0, seed=1)
    assert not torch.equal(pictures(first), before)
    first.set_epoch(0, seed=0)
    assert torch.equal(pictures(first), before)


def test_random_windows_reach_every_place(store):
    dataset = FeatureDataset(store, seq_len=10)
    last = len(dataset) - 1  # a clip of 25 frames
    starts = set()
    for epoch in range(200):
        dataset.set_epoch(epoch)
        starts.add(int(dataset[last]["inputs"]["visual"][0, 0]))
    assert starts == set(range(frames_of(15) - 10 + 1))


def test_workers_give_the_same_batches_and_see_the_epoch(store):
    results = []
    for workers in (0, 2):
        dataset = FeatureDataset(store, seq_len=6, transforms=[{"type": "TemporalJitter"}])
        sampler = EpochSampler(dataset, seed=5, rank=0, world_size=1)
        options = {"persistent_workers": True, "multiprocessing_context": "fork"} if workers else {}
        loader = DataLoader(
            dataset, batch_size=4, sampler=sampler, num_workers=workers, collate_fn=collate_features, **options
        )
        seen = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            seen.append([(batch["inputs"]["visual"].clone(), ids_of(batch)) for batch in loader])
        results.append(seen)
    for alone, working in zip(*results, strict=True):
        assert len(alone) == len(working) == 5
        for (one, known), (other, also) in zip(alone, working, strict=True):
            assert torch.equal(one, other) and known == also
    assert not torch.equal(results[0][0][0][0], results[0][1][0][0])


def test_a_dataset_can_be_pickled(data_root):
    dataset = FeatureDataset(data_root, split=None, seq_len=6)
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[2]["inputs"]["audio"], dataset[2]["inputs"]["audio"])


def test_splits_of_a_store_hold(store):
    sizes = {split: len(FeatureDataset(store, split=split, test_mode=True)) for split in ("train", "val")}
    assert sizes == {"train": 17, "val": 4}
    with pytest.raises(DataError, match="Split 'test' has no clips") as caught:
        FeatureDataset(store, split="test", test_mode=True)
    assert "splits_file" in caught.value.next_step


def test_splits_of_a_tree_by_hash_are_disjoint_and_stratified(tree):
    ids, counts = [], {}
    for split in ("train", "val", "test"):
        dataset = FeatureDataset(tree, split=split, split_ratio=(0.6, 0.2, 0.2), test_mode=True)
        ids += [sample.video_id for sample in dataset.__getitems__(range(len(dataset)))["data_samples"]]
        counts[split] = dataset.class_counts()
    assert len(ids) == len(set(ids)) == CLIPS
    assert counts == {"train": {0: 6, 1: 6}, "val": {0: 2, 1: 2}, "test": {0: 2, 1: 2}}
    other = FeatureDataset(tree, split="val", split_ratio=(0.6, 0.2, 0.2), split_seed=1, test_mode=True)
    assert {other[index]["data_samples"].video_id for index in range(4)} != set(ids[12:16])


def test_splits_of_folders_and_of_a_file(tmp_path, tree):
    root = write_tree(tmp_path / "divided", clips=4, splits=("train", "val"))
    assert len(FeatureDataset(root, split="val")) == 4
    path = tmp_path / "splits.json"
    path.write_text(json.dumps({"train": ["real/00", "01", "03"], "dev": ["02"]}))
    dataset = FeatureDataset(tree, split="train", splits_file=str(path))
    assert dataset.class_counts() == {0: 1, 1: 2}
    assert dataset.provenance()["split_sizes"] == {"train": 3, "val": 1, "test": 0}


def test_limit_keeps_both_classes(store):
    dataset = FeatureDataset(store, limit=4)
    assert dataset.class_counts() == {0: 2, 1: 2}
    assert FeatureDataset(store, limit=1).class_counts() == {0: 1, 1: 1}


def test_provenance_is_plain_and_names_the_data(data_root):
    told = FeatureDataset(data_root, split=None).provenance()
    assert json.loads(json.dumps(told)) == told
    assert len(told["hash"]) == 64 and sum(told["corpora"].values()) == told["clips"]


def test_no_data_root_names_the_three_ways_and_the_replica():
    with pytest.raises(DataError) as caught:
        FeatureDataset()
    for way in ("data_root", "--data-root", "ZOO_DATA_ROOT", "make_replica"):
        assert way in caught.value.next_step


def test_one_class_is_an_error_in_training_only(tmp_path):
    root = write_tree(tmp_path, clips=1)
    with pytest.raises(DataError, match="only real clips"):
        FeatureDataset(root, split=None)
    assert len(FeatureDataset(root, split=None, test_mode=True)) == 1


def test_a_wrong_width_is_an_error_at_the_start(data_root):
    with pytest.raises(DataError, match="visual features are 6 wide; 512 are expected"):
        FeatureDataset(data_root, visual_dim=512)


def test_bad_clips_are_errors_or_left_out_up_to_a_fraction(tmp_path):
    root = write_tree(tmp_path, clips=10)
    path = tmp_path / "fake" / "03" / "audio_embeddings.npz"
    np.savez(path, embeddings=np.full((13, WIDTH), np.nan))
    dataset = FeatureDataset(root, split=None)
    with pytest.raises(DataError, match="hold NaN") as caught:
        dataset.__getitems__(range(10))
    assert caught.value.where == str(path)
    tolerant = FeatureDataset(root, split=None, max_bad_fraction=0.1)
    assert len(tolerant) == 9 and list(tolerant.excluded) == ["fake/03"] and "NaN" in tolerant.excluded["fake/03"]
    assert torch.isfinite(tolerant.__getitems__(range(9))["inputs"]["audio"]).all()
    with pytest.raises(DataError, match=r"1 of 10 clips are broken(.|\n)*fake/03"):
        FeatureDataset(root, split=None, max_bad_fraction=0.05)


def test_pickled_objects_are_never_loaded(tmp_path):
    root = write_tree(tmp_path, clips=2)
    np.savez(tmp_path / "fake" / "01" / "visual_embeddings.npz", embeddings=np.array([[print]], object))
    dataset = FeatureDataset(root, split=None)
    with pytest.raises(DataError, match="pickled"):
        dataset[1]
    np.savez(tmp_path / "real" / "00" / "visual_embeddings.npz", embeddings=np.array([[print]], object))
    with pytest.raises(DataError, match="pickled"):  # nothing else is there, so the start finds out
        FeatureDataset(root, split=None)


@pytest.mark.parametrize("options", [{"modality": "smell"}, {"seq_len": 0}])
def test_impossible_options_are_config_errors(store, options):
    with pytest.raises(ConfigError):
        FeatureDataset(store, **options)


def test_two_data_roots_are_a_config_error(store):
    with pytest.raises(ConfigError, match="one data root, not 2"):
        FeatureDataset([store, store])


def test_the_registry_builds_it_with_its_transforms(store):
    dataset = build(
        "dataset", {"type": "FeatureDataset", "data_root": store, "transforms": [{"type": "ModalityDropout"}]}
    )
    assert type(dataset.transforms[0]).__name__ == "ModalityDropout"
    assert len(dataset[0]["inputs"]) == 4
