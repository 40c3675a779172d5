import hashlib
import zipfile

import pytest
import torch
from torch import nn

from zoo.assets import Download, WheelMember, cache_folder, fingerprint, load_weights, require
from zoo.errors import CheckpointError, MissingDependency


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def served(tmp_path, content=b"weights", **changes):
    """An asset whose source is a local file."""
    (tmp_path / "source.bin").write_bytes(content)
    fields = {
        "name": "model.pt",
        "url": (tmp_path / "source.bin").as_uri(),
        "licence": "MIT",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return Download(**{**fields, **changes})


def test_a_pinned_file_is_fetched_once(tmp_path, cache):
    asset = served(tmp_path)
    assert require(asset).read_bytes() == b"weights"
    (tmp_path / "source.bin").unlink()
    assert require(asset) == cache / "model.pt"


def test_a_file_that_is_not_the_pinned_one_never_enters_the_cache(tmp_path, cache):
    with pytest.raises(CheckpointError, match="not the pinned"):
        require(served(tmp_path, sha256="0" * 64))
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_changed_file_in_the_cache_is_refused(tmp_path, cache):
    asset = served(tmp_path)
    require(asset).write_bytes(b"other")
    with pytest.raises(CheckpointError, match="Delete the file"):
        require(asset)


@pytest.mark.parametrize("url", ["file:///nowhere/model.pt", "http://127.0.0.1:9/model.pt"])
def test_offline_names_the_file_to_place(tmp_path, cache, url):
    with pytest.raises(MissingDependency) as caught:
        require(served(tmp_path, url=url), timeout_s=2)
    assert str(cache / "model.pt") in str(caught.value)
    assert url in str(caught.value)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_what_has_no_pin_is_never_fetched_but_read_where_it_was_placed(tmp_path, cache):
    asset = served(tmp_path, sha256=None)
    with pytest.raises(MissingDependency, match="no pinned SHA-256"):
        require(asset)
    cache.mkdir()
    (cache / "model.pt").write_bytes(b"placed by hand")
    assert require(asset) == cache / "model.pt"


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("ZOO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "zoo"


def test_both_forms_of_weights_are_read(tmp_path):
    from safetensors.torch import save_file

    state = {"weight": torch.arange(3.0)}
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        assert torch.equal(load_weights(tmp_path / name)["weight"], state["weight"])


class Hostile:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def test_hostile_broken_compressed_and_foreign_files_are_refused(tmp_path):
    torch.save({"weight": Hostile()}, tmp_path / "hostile.pth")
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"weight": torch.zeros(9)}, tmp_path / "good.pth")
    (tmp_path / "short.pth").write_bytes((tmp_path / "good.pth").read_bytes()[:200])
    (tmp_path / "short.safetensors").write_bytes(b"\x08")
    with (
        zipfile.ZipFile(tmp_path / "good.pth") as good,
        zipfile.ZipFile(tmp_path / "deflated.pth", "w", zipfile.ZIP_DEFLATED) as deflated,
    ):
        for item in good.infolist():
            deflated.writestr(item.filename, good.read(item))
    for name in ("hostile", "module", "list", "short", "deflated", "absent"):
        with pytest.raises(CheckpointError):
            load_weights(tmp_path / f"{name}.pth")
    with pytest.raises(CheckpointError):
        load_weights(tmp_path / "short.safetensors")


def test_fingerprint_follows_class_version_arguments_and_weights():
    class One:
        VERSION = 1

    class Next(One):
        VERSION = 2

    Next.__name__ = "One"
    weights = {"a": torch.zeros(2), "b": torch.ones(2)}
    prints = {
        fingerprint(One, {"x": 1}, weights),
        fingerprint(Next, {"x": 1}, weights),
        fingerprint(One, {"x": 2}, weights),
        fingerprint(One, {"x": 1}, {"a": torch.ones(2), "b": torch.zeros(2)}),
        fingerprint(One, {"x": 1}),
    }
    assert len(prints) == 5
    assert fingerprint(One, {"x": 1}, dict(reversed(weights.items()))) in prints
