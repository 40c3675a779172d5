"""What holds for every replica with visual manipulations: no shortcut by form, the same bytes, completion, refusals."""

import json
from collections import Counter
from pathlib import Path

import av
import pytest

from zoo.cli import run
from zoo.cli.make_replica import main
from zoo.datasets.replica.visual import VisualReplica, split_pairs
from zoo.errors import ConfigError, DataError
from zoo.files import sha256_of
from zoo.plugins import catalog
from zoo.registry import REGISTRIES

SMALL = {"identities": 2, "duration_s": 1.0, "frame_size": (128, 112)}
MORE = {
    "FaceForensicsReplica": {"methods": ("FaceSwap", "NeuralTextures"), "compressions": ("c23",)},
    "DFDReplica": {"takes": 1, "compressions": ("c40",)},
    "CelebDFReplica": {"takes": 1},
    "DFDCReplica": {"takes": 1},
    "LAVDFReplica": {"takes": 2},
    "WildDeepfakeReplica": {"takes": 1},
}
SILENT = ("FaceForensicsReplica", "DFDReplica", "CelebDFReplica")
HEARD = ("DFDCReplica", "LAVDFReplica")


def build(name: str, **options) -> VisualReplica:
    return REGISTRIES["replica"].get(name)(**{**SMALL, **MORE[name], "workers": 0, **options})


def digests(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): sha256_of(path) for path in root.rglob("*") if path.is_file()}


def truth(root: Path) -> list[dict]:
    return json.loads((root / "truth.json").read_text())["clips"]


@pytest.fixture(scope="module")
def trees(tmp_path_factory) -> dict[str, Path]:
    roots = {}
    for name in MORE:
        roots[name] = tmp_path_factory.mktemp("trees") / name
        replica = build(name)
        assert replica.write(roots[name]).written == len(replica.clips)
    return roots


def test_every_visual_replica_is_looked_at():
    assert set(catalog().names("replica")) == {"FakeAVCelebReplica", *MORE}


@pytest.mark.parametrize("name", MORE)
def test_the_files_are_those_of_the_plan(name, trees):
    files = [path for row in truth(trees[name]) for path in row["paths"]]
    media = [path for path in digests(trees[name]) if path.endswith((".mp4", ".tar.gz"))]
    assert files and sorted(files) == sorted(media)


@pytest.mark.parametrize("name", [*SILENT, *HEARD])
def test_real_and_fake_files_have_one_form(name, trees):
    forms: dict[int, set] = {0: set(), 1: set()}
    for row in truth(trees[name]):
        for path in row["paths"]:
            if "masks" in path:
                continue
            with av.open(str(trees[name] / path)) as file:
                video = file.streams.video[0]
                names = tuple(stream.codec_context.name for stream in file.streams)
                size = (video.width, video.height, video.codec_context.pix_fmt)
                frames = sum(1 for _ in file.decode(video))
                forms[row["label"]].add((names, size, frames, float(video.average_rate), float(file.duration)))
    assert forms[0] == forms[1] and len(forms[0]) == 1
    ((codecs, size, frames, fps, _),) = forms[0]
    assert codecs == (("h264", "aac") if name in HEARD else ("h264",))
    assert size == (128, 112, "yuv420p") and frames == 25 and fps == 25


@pytest.mark.parametrize("name", MORE)
def test_everybody_has_real_and_fake_clips_in_one_split(name):
    replica = build(name, identities=12)
    counts = Counter((clip.identity, clip.is_real) for clip in replica.clips if clip.identity < 12)
    fakes_of_one = len(MORE[name]["methods"]) if name == "FaceForensicsReplica" else 1
    assert all(counts[i, False] == fakes_of_one * counts[i, True] > 0 for i in range(12))
    splits = {}
    for clip in replica.clips:
        for person in {clip.identity, clip.donor[0] if clip.donor else clip.identity}:
            assert splits.setdefault(person, clip.split) == clip.split
    assert set(splits.values()) >= ({None} if name == "DFDReplica" else {"train", "test"})


@pytest.mark.parametrize("name", ["FaceForensicsReplica", "LAVDFReplica", "WildDeepfakeReplica"])
def test_equal_settings_give_equal_bytes_in_processes(name, trees, tmp_path):
    build(name, workers=2).write(tmp_path / "again")
    assert digests(trees[name]) == digests(tmp_path / "again")


@pytest.mark.parametrize("name", MORE)
def test_what_is_missing_is_completed(name, trees, tmp_path):
    root = tmp_path / "part"
    replica = build(name)
    victim, *others = (replica.clips[k].files[-1].path for k in (1, 2, 3))
    for path in trees[name].rglob("*"):
        below = path.relative_to(trees[name])
        if path.is_file() and below != victim and below.name != "truth.json":
            (root / below).parent.mkdir(parents=True, exist_ok=True)
            (root / below).write_bytes(path.read_bytes())
    kept = {path: (root / path).stat().st_mtime_ns for path in others}
    assert replica.write(root).written == 1
    assert digests(root) == digests(trees[name])
    assert kept == {path: (root / path).stat().st_mtime_ns for path in others}
    assert replica.write(root).written == 0


def test_another_seed_gives_other_files(trees, tmp_path):
    name = "CelebDFReplica"
    build(name, seed=1).write(tmp_path / "other")
    one, two = digests(trees[name]), digests(tmp_path / "other")
    videos = [path for path in one if path.endswith(".mp4")]
    assert videos and all(one[path] != two.get(path) for path in videos)


def test_other_settings_do_not_overwrite(trees):
    with pytest.raises(DataError, match="frame_size"):
        build("DFDCReplica", frame_size=(96, 96)).write(trees["DFDCReplica"])


def test_keyframes_come_as_often_as_asked(tmp_path):
    replica = build("CelebDFReplica", keyframe_every=5)
    replica.write(tmp_path / "tree")
    with av.open(str(tmp_path / "tree" / "Celeb-real" / "id0_0000.mp4")) as file:
        keys = [number for number, frame in enumerate(file.decode(video=0)) if frame.key_frame]
    assert keys == [0, 5, 10, 15, 20]


def test_a_large_picture_holds_a_smaller_head_and_company():
    replica = build("CelebDFReplica", frame_size=(1280, 720), second_person=1.0)
    assert replica.look.head_size == 432
    assert build("CelebDFReplica", second_person=0.5).look.head_size == 64


@pytest.mark.parametrize(
    "options, error",
    [
        ({"identities": 3}, DataError),
        ({"identities": 0}, DataError),
        ({"duration_s": 0.5}, DataError),
        ({"takes": 0}, ConfigError),
        ({"keyframe_every": 0}, ConfigError),
        ({"frame_size": (129, 112)}, ConfigError),
        ({"frame_size": (64, 64)}, ConfigError),
        ({"head_size": 120}, ConfigError),
        ({"second_person": 1.5}, ConfigError),
        ({"absence": -0.1}, ConfigError),
    ],
)
def test_impossible_settings_are_refused(options, error):
    with pytest.raises(error) as caught:
        build("DFDCReplica", **options)
    assert str(caught.value.where).startswith("--")


@pytest.mark.parametrize(
    "name, options",
    [
        ("FaceForensicsReplica", {"takes": 2}),
        ("FaceForensicsReplica", {"methods": ("Faceswap",)}),
        ("FaceForensicsReplica", {"methods": ()}),
        ("DFDReplica", {"compressions": ("c24",)}),
        ("DFDReplica", {"takes": 9}),
        ("DFDCReplica", {"parts": 0}),
        ("WildDeepfakeReplica", {"absence": 0.5}),
    ],
)
def test_what_a_corpus_cannot_have_is_refused(name, options):
    with pytest.raises(ConfigError):
        build(name, **options)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 50])
def test_pairs_are_dealt_to_the_important_splits_first(count):
    pairs = [(2 * k, 2 * k + 1) for k in range(count)]
    dealt = split_pairs(pairs, {"train": 0.72, "test": 0.14, "val": 0.14})
    assert sorted(pair for part in dealt.values() for pair in part) == pairs
    sizes = [len(dealt[name]) for name in ("train", "test", "val")]
    assert sizes == {1: [1, 0, 0], 2: [1, 1, 0], 3: [1, 1, 1], 4: [2, 1, 1], 50: [36, 7, 7]}[count]


def test_the_command_writes_any_registered_replica(tmp_path, capsys):
    output = tmp_path / "tree"
    small = ["--identities", "2", "--takes", "1", "--duration", "1", "--frame-size", "128x112", "--workers", "0"]
    assert run(lambda: main(["--corpus", "celebdf", "--output", str(output), *small])) == 0
    assert "6 clips (4 real, 2 fake) of 2 identities" in capsys.readouterr().out
    assert (output / "List_of_testing_videos.txt").is_file()


def test_the_command_refuses_options_of_other_corpora(tmp_path, capsys):
    output = tmp_path / "tree"
    assert run(lambda: main(["--corpus", "dfdc", "--output", str(output), "--clips", "4"])) == 2
    printed = capsys.readouterr().err
    assert "--clips" in printed and "DFDCReplica" in printed and not output.exists()
