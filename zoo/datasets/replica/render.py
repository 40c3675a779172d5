"""From a planned clip to a video file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from zoo.datasets.replica.identity import Sitter, make_face
from zoo.datasets.replica.plan import MARGIN_S, Clip, Difficulty, Reading
from zoo.datasets.replica.recordings import cut_speech, read_recordings
from zoo.datasets.replica.renderer import TalkingHead, draw_pose
from zoo.datasets.replica.speech import RATE, Voice, add_noise, mouth_motion, set_loudness, synthesise_speech
from zoo.media.encode import write_video

FPS: Final = 25
_CROSSFADE_S: Final = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTask:
    """All that is needed to draw the clips of one identity, in whatever process; ``paths`` go with ``clips``."""

    identity: int
    sitter: Sitter
    speech: Path | None
    difficulty: Difficulty
    duration_s: float
    seed: int
    clips: tuple[Clip, ...]
    paths: tuple[Path, ...]


def render_identity(task: IdentityTask) -> int:
    """Write the clips of ``task``; returns how many. What is written depends on nothing but ``task``."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        head = TalkingHead(make_face(task.sitter, rng=np.random.default_rng([task.seed, 3, task.identity])))
        needed = {reading.utterance for clip in task.clips for reading in (clip.mouth, clip.sound)}
        utterances = {number: _utterance(task, number) for number in sorted(needed)}
        for clip, path in zip(task.clips, task.paths, strict=True):
            _render_clip(task, clip, path, head, utterances)
    finally:
        cv2.setNumThreads(threads)
    return len(task.clips)


def _render_clip(
    task: IdentityTask, clip: Clip, path: Path, head: TalkingHead, utterances: Mapping[int, np.ndarray]
) -> None:
    # A fake shares head movement and mouth gain with the genuine clip it was made of, as its picture would.
    rng = np.random.default_rng([task.seed, 4, task.identity, clip.pair])
    frames = round(task.duration_s * FPS)
    samples = frames * RATE // FPS
    pose = draw_pose(frames=frames, fps=FPS, amount=task.difficulty.movement, rng=rng)
    gain = rng.uniform(*task.difficulty.gain)
    spoken = read_out(utterances[clip.mouth.utterance], clip.mouth, samples=samples)
    motion = mouth_motion(spoken, frames=frames, fps=FPS) * np.array([gain, 1.0], np.float32)
    heard = read_out(utterances[clip.sound.utterance], clip.sound, samples=samples)
    noise_rng = np.random.default_rng([task.seed, 5, task.identity, clip.sound.utterance])
    sound = set_loudness(add_noise(heard, snr_db=task.difficulty.snr_db, rng=noise_rng))
    write_video(path, head.draw(motion, pose), fps=FPS, audio=sound, rate=RATE, crf=23, preset="superfast")


def _utterance(task: IdentityTask, number: int) -> np.ndarray:
    rng = np.random.default_rng([task.seed, 6, task.identity, number])
    duration_s = task.duration_s + 2 * MARGIN_S
    if task.speech is None:
        voice = Voice.draw(np.random.default_rng([task.seed, 7, task.identity]))
        return synthesise_speech(voice, duration_s=duration_s, rng=rng)
    speakers = read_recordings(task.speech)
    name = sorted(speakers)[task.identity % len(speakers)]
    return cut_speech(speakers[name], duration_s=duration_s, rng=rng)


def read_out(utterance: np.ndarray, reading: Reading, *, samples: int) -> np.ndarray:
    """The sound of ``reading``, float32 [samples]; a jump is crossfaded."""
    begin = round(reading.start_s * RATE)
    before = utterance[begin : begin + samples]
    if not reading.jump_s:
        return before
    begin += round(reading.jump_s * RATE)
    weight = np.clip((np.arange(samples) / RATE - reading.cut_s) / _CROSSFADE_S + 0.5, 0, 1).astype(np.float32)
    return before * (1 - weight) + utterance[begin : begin + samples] * weight
