"""The command ``zoo preprocess``: what it prints, what it leaves, and its exit codes."""

import pytest
from stub_faces import BLUE, RED, SquareDetector, film, scene

import zoo.cli.preprocess
from zoo.cli import USER_ERROR, run
from zoo.cli.preprocess import ALL_OK, NONE_OK, SOME_FAILED, main
from zoo.datasets.crop_reader import CropReader
from zoo.datasets.manifest import read_manifest


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    monkeypatch.setattr(zoo.cli.preprocess, "detector_of", lambda options: SquareDetector())


@pytest.fixture
def corpus(tmp_path):
    root = tmp_path / "corpus"
    for split in ("train", "val"):
        for label, colour in (("real", RED), ("fake", BLUE)):
            folder = root / split / label
            folder.mkdir(parents=True)
            film(folder / "1.mp4", [scene((6 + 2 * k, 24, 40, colour)) for k in range(12)])
    return root


def preprocess(corpus, *options):
    arguments = ("--input", corpus, "--output", corpus.parent / "crops", "--num-workers", 0, "--image-size", 24)
    return run(lambda: main([str(value) for value in (*arguments, *options)]))


def test_the_summary_says_what_was_done(corpus, capsys):
    assert preprocess(corpus, "--frames-per-video", 5) == ALL_OK
    shown = capsys.readouterr().out
    for line in (
        f"{corpus}: 4 videos (VideoFolder) -> {corpus.parent / 'crops'}",
        "processed 4/4 videos (4 now)",
        "faces detected in 20/20 frames (100.0%)",
        "train: 5 fake, 5 real crops",
        "val: 5 fake, 5 real crops",
        f"report: {corpus.parent / 'crops' / 'preprocess_report.json'}",
    ):
        assert line in shown
    assert (corpus.parent / "crops" / "contact_sheet.jpg").stat().st_size > 1000
    assert preprocess(corpus, "--frames-per-video", 5) == ALL_OK
    assert "processed 4/4 videos (0 now)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "each"),
    [
        (("--every-seconds", 0.5), [0, 0.5, 1.0]),
        (("--clips", 2, "--clip-frames", 3), [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]),
        (("--frames-per-video", 2), [0.2, 0.8]),
    ],
)
def test_frames_are_those_that_are_asked_for(options, each, corpus):
    assert preprocess(corpus, *options) == ALL_OK
    table = read_manifest(corpus.parent / "crops").table
    times = table.filter([name.endswith("train/real/1.mp4") for name in table["video_id"].to_pylist()])["time_s"]
    assert len(times) == len(each) and times.to_pylist() == pytest.approx(each, abs=0.11)


def test_png_and_packs(corpus):
    assert preprocess(corpus, "--format", "png", "--frames-per-video", 2, "--pack") == ALL_OK
    manifest = read_manifest(corpus.parent / "crops")
    assert {path.rpartition(".")[2] for path in manifest.table["path"].to_pylist()} == {"png"}
    assert not list(manifest.root.rglob("*.png"))
    red = manifest.table["method"].to_pylist().index("real")
    assert CropReader(manifest).picture(red)[10, 12].argmax() == 0


def test_what_gave_no_crops_is_named_and_told_by_the_exit_code(corpus, capsys):
    (corpus / "train" / "real" / "cut off.mp4").write_bytes(b"\0" * 100)
    film(corpus / "train" / "real" / "nobody.mp4", [scene() for _ in range(4)])
    assert preprocess(corpus, "--frames-per-video", 2) == SOME_FAILED
    shown = capsys.readouterr().out
    assert "processed 4/6 videos" in shown
    assert "cut off.mp4: not_media" in shown and "nobody.mp4: no_face: No face was found in 2 sampled frames" in shown
    assert "frames show no face: try another --detector" in shown
    for path in corpus.rglob("1.mp4"):
        path.unlink()
    assert preprocess(corpus, "--frames-per-video", 2) == NONE_OK
    assert read_manifest(corpus.parent / "crops").table.num_rows == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--clips", 2), "--clips and --clip-frames go together"),
        (("--frames-per-video", 0), "at least 1"),
        (("--faces", "largets"), "Did you mean 'largest'?"),
        (("--image-size", 4), "makes no sense"),
        (("--quality", 0), "quality 0"),
        (("--corpus", "celebd"), "Did you mean 'CelebDF'?"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(options, what, corpus, capsys):
    assert preprocess(corpus, *options) == USER_ERROR
    assert what in capsys.readouterr().err
    assert not (corpus.parent / "crops").exists()


def test_crops_do_not_go_into_the_corpus(corpus, capsys):
    assert preprocess(corpus, "--output", corpus / "crops") == USER_ERROR
    assert "inside the corpus" in capsys.readouterr().err


def test_other_settings_are_refused(corpus, capsys):
    assert preprocess(corpus, "--frames-per-video", 2) == ALL_OK
    assert preprocess(corpus, "--frames-per-video", 2, "--face-margin", 0.4) == USER_ERROR
    assert "margin 0.2, now 0.4" in capsys.readouterr().err


def test_detectors_go_by_short_names(monkeypatch):
    monkeypatch.undo()
    parse = zoo.cli.preprocess._parser().parse_args
    base = ["--input", "a", "--output", "b"]
    chain = zoo.cli.preprocess.detector_of(parse([*base, "--detector", "RetinaFace", "--fallback-detector", "mtcnn"]))
    assert [type(part).__name__ for part in chain.detectors] == ["RetinaFaceDetector", "MTCNNDetector"]
    options = ["--detector", "mtcnn", "--detector-options", "min_face_size=60"]
    assert zoo.cli.preprocess.detector_of(parse([*base, *options])).min_face_size == 60
    assert zoo.cli.preprocess.detector_of(parse([*base, "--detector", "none"])) is None
