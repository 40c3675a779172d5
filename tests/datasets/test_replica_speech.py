"""Synthesised and recorded speech, and the mouth that follows it."""

import numpy as np
import pytest
from scipy.io import wavfile

from zoo.datasets.replica.recordings import cut_speech, read_recordings
from zoo.datasets.replica.speech import RATE, Voice, add_noise, mouth_motion, set_loudness, synthesise_speech
from zoo.errors import DataError


def speech(seed: int = 0, duration_s: float = 4.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return synthesise_speech(Voice.draw(rng), duration_s=duration_s, rng=rng)


def levels(sound: np.ndarray, block: int = RATE // 50) -> np.ndarray:
    return np.sqrt(np.square(sound[: len(sound) // block * block]).reshape(-1, block).mean(1))


def test_speech_has_its_length_and_stays_in_range():
    sound = speech()
    assert sound.shape == (4 * RATE,) and sound.dtype == np.float32
    assert 0.05 < np.abs(sound).max() < 1 and np.isfinite(sound).all()


def test_speech_repeats_by_seed():
    assert np.array_equal(speech(3), speech(3))
    assert not np.array_equal(speech(3), speech(4))


def test_speech_has_the_rhythm_of_syllables_and_pauses():
    level = levels(speech(duration_s=20.0))
    quiet = level < 0.05 * level.max()
    assert 0.05 < quiet.mean() < 0.5
    spectrum = np.abs(np.fft.rfft(level - level.mean())) ** 2
    frequency = np.fft.rfftfreq(len(level), 0.02)
    syllabic = spectrum[(frequency > 1) & (frequency < 8)].sum()
    assert syllabic > 0.6 * spectrum[frequency > 0].sum()


def test_the_mouth_opens_with_the_loudness_and_closes_in_silence():
    sound = speech(1)
    sound[RATE : 2 * RATE] = 0
    motion = mouth_motion(sound, frames=100, fps=25)
    assert motion.shape == (100, 2)
    assert motion[:, 0].min() >= 0 and motion[:, 0].max() <= 1 and np.abs(motion[:, 1]).max() <= 1
    assert motion[30:45, 0].max() < 0.05
    assert np.corrcoef(levels(sound, RATE // 25), motion[:, 0])[0, 1] > 0.85


def test_noise_has_the_level_asked_for():
    sound = speech(2)
    noise = add_noise(sound, snr_db=10, rng=np.random.default_rng(0)) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.1)


def test_loudness_is_set_without_clipping():
    loud = set_loudness(10 * speech(5))
    assert 20 * np.log10(loud.std()) == pytest.approx(-23, abs=0.3)
    assert np.abs(loud).max() < 1


def write_wav(path, samples, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, samples)


def test_recordings_are_read_by_speaker_at_the_replicas_rate(tmp_path):
    tone = (8000 * np.sin(np.arange(8000) / 3)).astype(np.int16)
    write_wav(tmp_path / "anna" / "1.wav", tone)
    write_wav(tmp_path / "anna" / "2.wav", np.stack([tone, tone], 1))
    write_wav(tmp_path / "bert" / "1.wav", (tone / 32768).astype(np.float32), rate=32_000)
    speakers = read_recordings(tmp_path)
    assert {name: len(sound) for name, sound in speakers.items()} == {"anna": 2 * RATE, "bert": RATE // 4}
    cut = cut_speech(speakers["bert"], duration_s=3.0, rng=np.random.default_rng(0))
    assert cut.shape == (3 * RATE,)
    assert np.abs(cut).max() > 0


def test_a_stretch_of_speech_is_preferred_to_silence():
    recording = np.concatenate([np.zeros(60 * RATE, np.float32), speech(6, 30.0)])
    for seed in range(5):
        cut = cut_speech(recording, duration_s=3.0, rng=np.random.default_rng(seed))
        assert (levels(cut) > 0.02).mean() > 0.4


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVEjunk", b"no sound at all"])
def test_a_broken_recording_is_named(tmp_path, content):
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.wav"):
        read_recordings(tmp_path)


def test_a_folder_without_recordings_is_an_error(tmp_path):
    with pytest.raises(DataError, match="No WAV files"):
        read_recordings(tmp_path)
