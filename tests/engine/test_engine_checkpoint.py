import errno
import json
import os
import pickle
import resource
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import zoo.engine.digests as digests
from zoo.engine.checkpoint import (
    checkpoint_name,
    load_weights,
    newest_valid,
    point_at,
    publish,
    read_checkpoint,
    read_published,
    save_checkpoint,
    training_checkpoints,
)
from zoo.engine.plain import plain
from zoo.errors import CheckpointError, WorkDirError
from zoo.structures import ForgerySample


@pytest.fixture
def state():
    return {
        "format": "zoo-training",
        "version": 1,
        "state_dict": {"weight": torch.arange(6.0).reshape(2, 3), "steps": torch.tensor(3)},
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99)}]},
        "meta": {
            "epoch": 2,
            "iter": 10,
            "architecture": {"type": "ToyDetector", "width": 8},
            "provenance": {"corpora": ["toy"]},
            "metrics": {"video/auc": 0.75},
        },
    }


def test_round_trip_with_weights_only_and_a_digest_that_sha256sum_takes(tmp_path, state):
    path = save_checkpoint(tmp_path / "a.pth", state)
    assert torch.equal(read_checkpoint(path)["state_dict"]["weight"], state["state_dict"]["weight"])
    assert torch.load(path, weights_only=True)["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.99)
    digest, name = (tmp_path / "a.pth.sha256").read_text().split("  ")
    assert (len(digest), name) == (64, "a.pth\n")


@pytest.mark.parametrize("value", [object(), {1, 2}, len, torch.float32])
def test_only_plain_types_are_written(tmp_path, state, value):
    state["hooks"] = {"Some": [1, value]}
    with pytest.raises(CheckpointError, match=r"state\.hooks\.Some\.1"):
        save_checkpoint(tmp_path / "a.pth", state)
    assert list(tmp_path.iterdir()) == []


def test_arrays_and_records_become_plain():
    sample = ForgerySample(sample_id="a", video_id="a", corpus="c", method="m", label=1, extra={"rows": np.arange(3)})
    value = plain({"sample": sample, "number": np.float32(0.5), "names": ("x", np.str_("y"))})
    assert torch.equal(value["sample"]["extra"]["rows"], torch.arange(3))
    assert value["number"] == 0.5 and type(value["number"]) is float
    assert value["names"] == ("x", "y") and type(value["names"][1]) is str


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path, zipped):
    path, target = tmp_path / "evil.pth", tmp_path / "executed"
    if zipped:
        torch.save({"state_dict": Evil(target)}, path)
    else:
        path.write_bytes(pickle.dumps({"state_dict": Evil(target)}))
    with pytest.raises(CheckpointError, match=r"Not a (safe|whole) checkpoint"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError):
        read_published(path)
    assert not target.exists()


def test_a_compressed_archive_is_refused(tmp_path, state):
    path = save_checkpoint(tmp_path / "a.pth", state)
    deflated = tmp_path / "deflated.pth"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item.filename, old.read(item))
    with pytest.raises(CheckpointError, match="compressed"):
        read_checkpoint(deflated)


@pytest.mark.parametrize("with_digest", [True, False])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damage_is_found_with_and_without_a_digest(tmp_path, state, damage, with_digest):
    path = save_checkpoint(tmp_path / "a.pth", state)
    data = bytearray(path.read_bytes())
    record = data.index(state["state_dict"]["weight"].numpy().tobytes())
    data[record + 4] ^= 1
    path.write_bytes({"truncated": path.read_bytes()[:-200], "flipped": bytes(data), "empty": b""}[damage])
    if not with_digest:
        (tmp_path / "a.pth.sha256").unlink()
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_other_files_are_named_for_what_they_are(tmp_path, state):
    foreign = tmp_path / "foreign.pth"
    torch.save({"model_state_dict": {"w": torch.zeros(2)}}, foreign)
    assert list(read_checkpoint(foreign)) == ["model_state_dict"]
    with pytest.raises(CheckpointError, match="file of another program"):
        read_checkpoint(foreign, expect="zoo-training")
    with pytest.raises(CheckpointError, match=r"convert\.py"):
        read_published(foreign)
    with pytest.raises(CheckpointError, match="newer zoo"):
        read_checkpoint(save_checkpoint(tmp_path / "new.pth", {**state, "version": 99}))
    with pytest.raises(CheckpointError, match="No such checkpoint"):
        read_published(tmp_path / "none.safetensors")


class FullDisk:
    """A file on a disk that is full from the third write on, or at the third only."""

    def __init__(self, file, for_ever):
        self.file, self.for_ever, self.writes = file, for_ever, 0

    def write(self, data):
        self.writes += 1
        if self.writes == 3 or (self.for_ever and self.writes > 3):
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def flush(self):
        self.file.flush()


@pytest.mark.parametrize("for_ever", [True, False])
def test_a_full_disk_leaves_the_old_file(tmp_path, state, monkeypatch, for_ever):
    path = save_checkpoint(tmp_path / "a.pth", state)
    writer = digests.HashingWriter
    monkeypatch.setattr(digests, "HashingWriter", lambda file: writer(FullDisk(file, for_ever)))
    with pytest.raises(WorkDirError, match="No space left"):
        save_checkpoint(path, {**state, "more": torch.zeros(1000)})
    monkeypatch.undo()
    assert "more" not in read_checkpoint(path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.pth", "a.pth.sha256"]


def test_the_real_limit_of_a_file_system_is_an_error_of_the_work_dir(tmp_path, state):
    path = save_checkpoint(tmp_path / "a.pth", state)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(WorkDirError, match=r"Cannot write a\.pth"):
            save_checkpoint(path, {**state, "more": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "more" not in read_checkpoint(path)


def test_a_crash_between_digest_and_rename_leaves_a_valid_file(tmp_path, state, monkeypatch):
    path = save_checkpoint(tmp_path / "a.pth", state)

    def crash(*_):
        raise KeyboardInterrupt

    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: crash() if str(b).endswith(".pth") else real(a, b))
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {**state, "more": 1})
    monkeypatch.undo()
    assert "more" not in read_checkpoint(path)
    save_checkpoint(path, {**state, "more": 1})
    assert read_checkpoint(path)["more"] == 1
    assert len((tmp_path / "a.pth.sha256").read_text().splitlines()) == 1


def test_the_newest_whole_checkpoint_is_found(tmp_path, state):
    assert newest_valid(tmp_path) is None
    assert newest_valid(tmp_path / "absent") is None
    first, second, third = (
        save_checkpoint(tmp_path / checkpoint_name(epoch, iteration), state)
        for epoch, iteration in ((0, 9), (1, 10), (1, 100_000_000))
    )
    save_checkpoint(tmp_path / "best.pth", state)
    assert training_checkpoints(tmp_path) == [first, second, third]
    assert newest_valid(tmp_path) == third
    third.write_bytes(b"cut")
    assert newest_valid(tmp_path) == second
    point_at(first)
    assert newest_valid(tmp_path) == first


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_published_form_stands_alone(tmp_path, state, suffix):
    state["ema_state_dict"] = {"weight": torch.ones(2, 3), "steps": torch.tensor(3)}
    source = save_checkpoint(tmp_path / "training.pth", state)
    path = publish(source, tmp_path / f"model{suffix}", metrics={"video/auc": 0.875})
    published = read_published(path)
    assert torch.equal(published["state_dict"]["weight"], torch.ones(2, 3))
    assert published["state_dict"]["steps"].dtype == torch.int64
    del published["state_dict"]
    version = published.pop("zoo_version")
    assert version[0].isdigit()
    assert published == {
        "format": "zoo-published",
        "version": 1,
        "architecture": {"type": "ToyDetector", "width": 8},
        "labels": {"real": 0, "fake": 1},
        "provenance": {"corpora": ["toy"]},
        "metrics": {"video/auc": 0.875},
        "epoch": 2,
        "iteration": 10,
    }
    again = publish(path, tmp_path / "again.pth")
    assert read_published(again)["metrics"] == {"video/auc": 0.875}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError):
        read_published(path)


def test_a_training_checkpoint_reads_as_published(tmp_path, state):
    published = read_published(save_checkpoint(tmp_path / "training.pth", state))
    assert published["metrics"] == {"video/auc": 0.75}
    assert published["state_dict"].keys() == {"weight", "steps"}
    assert json.dumps(published["architecture"])


def test_undefined_figures_are_none(tmp_path, state):
    state["meta"]["metrics"]["video/eer"] = float("nan")
    wanted = {"video/auc": 0.75, "video/eer": None}
    assert read_published(publish(state, tmp_path / "a.safetensors"))["metrics"] == wanted
    assert read_published(save_checkpoint(tmp_path / "a.pth", state))["metrics"] == wanted


def test_flipped_labels_are_refused(tmp_path, state):
    path = publish(state, tmp_path / "a.pth")
    published = read_published(path)
    save_checkpoint(path, {**published, "labels": {"real": 1, "fake": 0}})
    with pytest.raises(CheckpointError, match="Labels"):
        read_published(path)


def test_weights_that_do_not_fit_leave_the_model_alone():
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    wrong = {"weight": torch.zeros(2, 4), "scale": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"missing bias; unexpected scale; weight is \[2, 4\]"):
        load_weights(model, wrong)
    assert torch.equal(model.weight, before)
    load_weights(model, {"weight": torch.zeros(2, 3), "bias": torch.ones(2)})
    assert model.bias.tolist() == [1, 1]
