"""The LAV-DF replica: what the periods say was changed, and nothing else."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from zoo.datasets.replica.filming import splice
from zoo.datasets.replica.lavdf import LAVDFReplica, first_frame
from zoo.datasets.replica.speech import RATE, Voice, synthesise_speech
from zoo.datasets.replica.vocoder import revoice
from zoo.errors import ConfigError

FPS, DURATION_S = 25, 2.0


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("replica") / "lavdf"
    LAVDFReplica(identities=6, takes=1, duration_s=DURATION_S, frame_size=(160, 128), workers=0).write(root)
    return root


def table(tree: Path) -> list[dict]:
    return json.loads((tree / "metadata.json").read_text())


def streams(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with av.open(str(path)) as file:
        pictures = np.stack([frame.to_ndarray(format="gray") for frame in file.decode(video=0)])
    with av.open(str(path)) as file:
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
    return pictures.astype(np.int16), samples[: round(DURATION_S * RATE)]


def test_the_table_has_the_columns_and_values_of_the_corpus(tree):
    rows = table(tree)
    assert len(rows) == 12
    for row in rows:
        assert list(row) == [
            "file",
            "n_fakes",
            "fake_periods",
            "duration",
            "original",
            "modify_video",
            "modify_audio",
            "split",
            "video_frames",
            "audio_channels",
            "audio_frames",
        ]
        folder, name = row["file"].split("/")
        assert folder == row["split"] in ("train", "dev", "test")
        assert len(name) == len("000001.mp4") and (tree / row["file"]).is_file()
        assert row["duration"] == DURATION_S and row["video_frames"] == 50 and row["audio_frames"] == 32_000
    assert {row["split"] for row in rows} == {"train", "dev", "test"}
    assert len({row["file"].split("/")[1] for row in rows}) == len(rows)


def test_a_fake_is_linked_to_a_genuine_clip_of_its_split(tree):
    rows = {row["file"]: row for row in table(tree)}
    fakes = [row for row in rows.values() if row["n_fakes"]]
    assert len(fakes) == 6
    for row in fakes:
        original = rows[row["original"]]
        assert not original["n_fakes"] and original["original"] is None and original["split"] == row["split"]
        assert not original["modify_video"] and not original["modify_audio"] and original["fake_periods"] == []
    assert {(row["modify_video"], row["modify_audio"]) for row in fakes} == {
        (True, True),
        (True, False),
        (False, True),
    }


def test_periods_are_words_in_order_and_apart():
    replica = LAVDFReplica(identities=20, takes=4, duration_s=4.0)
    counts = set()
    for clip in (clip for clip in replica.clips if not clip.is_real):
        counts.add(len(clip.touched))
        edges = [edge for period in clip.touched for edge in period]
        assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= 4.0
        assert all(0.3 - 1e-9 <= end - begin <= 1.5 + 1e-9 for begin, end in clip.touched)
        assert all(edge == round(edge, 3) for edge in edges)
        assert all(later[0] - earlier[1] > 0.1 for earlier, later in zip(clip.touched, clip.touched[1:], strict=False))
    assert counts == {1, 2}


def test_most_periods_end_between_frames():
    clips = LAVDFReplica(identities=20, takes=4, duration_s=3.0).clips
    edges = np.array([edge for clip in clips for period in clip.touched for edge in period])
    assert len(edges) > 100 and np.mean(np.abs(edges * FPS - np.rint(edges * FPS)) > 0.02) > 0.9


def test_the_first_frame_of_a_period_is_not_before_it():
    assert [first_frame(time_s) for time_s in (0.0, 0.001, 0.04, 0.041, 0.08, 1.16, 1.161)] == [0, 1, 1, 2, 2, 29, 30]


def test_most_of_a_clip_can_be_forged():
    replica = LAVDFReplica(identities=20, takes=4, duration_s=2.0, stretch_s=(0.8, 2.0), most_forged=0.9)
    fakes = [clip.touched for clip in replica.clips if not clip.is_real]
    shares = [sum(end - begin for begin, end in touched) / 2.0 for touched in fakes]
    assert {len(touched) for touched in fakes} == {1, 2}
    assert 0.39 < min(shares) < 0.6 and 0.8 < max(shares) < 0.91
    few = LAVDFReplica(identities=20, takes=4, duration_s=2.0, stretch_s=(1.2, 2.0), most_forged=0.9)
    assert {len(clip.touched) for clip in few.clips if not clip.is_real} == {1}


@pytest.mark.parametrize(
    "options", [{"stretch_s": (1.0, 0.5)}, {"stretch_s": (1.0, 1.5)}, {"most_forged": 0.0}, {"most_forged": 1.1}]
)
def test_stretches_that_do_not_fit_are_refused(options):
    with pytest.raises(ConfigError, match="cannot be drawn"):
        LAVDFReplica(identities=4, duration_s=2.0, **options)


def test_a_face_rendered_whole_changes_from_the_brows_on(tmp_path):
    options = {"identities": 2, "takes": 1, "duration_s": DURATION_S, "frame_size": (160, 128), "workers": 0}
    changed = []
    for name, detail in (("mouth", None), ("whole", 12)):
        replica = LAVDFReplica(**options, detail=detail)
        replica.write(tmp_path / name)
        row = next(row for row in table(tmp_path / name) if row["modify_video"])
        (fake, _), (real, _) = (streams(tmp_path / name / row[key]) for key in ("file", "original"))
        changed.append(np.flatnonzero((np.abs(fake - real) > 25).sum((0, 2)) > 20))
    mouth, whole = changed
    assert len(mouth) and whole[0] < mouth[0] - 5, "brows change too"
    with pytest.raises(ConfigError, match="in 4 rows"):
        LAVDFReplica(**options, detail=4)


def test_pictures_change_within_the_periods_alone(tree):
    for row in (row for row in table(tree) if row["n_fakes"]):
        (fake, _), (real, _) = (streams(tree / row[key]) for key in ("file", "original"))
        difference = np.abs(fake - real).max((1, 2))
        inside = np.zeros(len(real), bool)
        for begin, end in row["fake_periods"]:
            inside[first_frame(begin) : first_frame(end)] = True
        assert 5 <= inside.sum() <= 20
        if row["modify_video"]:
            assert np.median(difference[inside]) > 3 * max(np.median(difference[~inside]), 4)
        else:
            assert not difference.any()


def test_sound_changes_within_the_periods_alone(tree):
    for row in (row for row in table(tree) if row["n_fakes"]):
        (_, fake), (_, real) = (streams(tree / row[key]) for key in ("file", "original"))
        time = (np.arange(len(real)) + 0.5) / RATE
        spread = 2048 / RATE  # an AAC frame and its overlap
        inside, near = np.zeros(len(real), bool), np.zeros(len(real), bool)
        for begin, end in row["fake_periods"]:
            inside |= (time >= begin) & (time < end)
            near |= (time >= begin - spread) & (time < end + spread)
        difference = np.sqrt(np.square(fake - real))
        if row["modify_audio"]:
            assert difference[inside].mean() > 4 * difference[~near].mean()
        else:
            assert not difference.any()


def test_a_splice_fades_inside_its_stretch():
    one, two = np.zeros(RATE, np.float32), np.ones(RATE, np.float32)
    spliced = splice(one, two, [(0.25, 0.5)])
    assert not spliced[: RATE // 4].any() and not spliced[RATE // 2 :].any()
    assert np.all(spliced[round(0.27 * RATE) : round(0.48 * RATE)] == 1)
    assert np.abs(np.diff(spliced)).max() < 0.01


def test_a_generated_voice_is_in_time_and_without_the_room():
    rng = np.random.default_rng(0)
    voice = Voice.draw(rng)
    spoken = synthesise_speech(voice, duration_s=1.0, rng=rng)
    made = revoice(spoken)
    assert made.dtype == np.float32 and made.shape == spoken.shape and np.isfinite(made).all()
    envelopes = [np.sqrt(np.square(each).reshape(100, -1).mean(1)) for each in (spoken, made)]
    assert np.corrcoef(*envelopes)[0, 1] > 0.95
    assert not np.allclose(made, spoken, atol=0.05 * np.abs(spoken).max())


def test_a_vocoder_keeps_silence_and_shape_of_what_is_smooth_already():
    assert not revoice(np.zeros(4000, np.float32)).any()
    tone = np.sin(2 * np.pi * 250 * np.arange(8000) / RATE).astype(np.float32)
    made = revoice(tone)[2000:6000]
    spectrum = np.abs(np.fft.rfft(made))
    assert abs(np.argmax(spectrum) * RATE / len(made) - 250) < 10
