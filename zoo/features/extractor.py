"""One video to aligned visual and audio features, in bounded memory whatever its length."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from zoo.errors import MediaError
from zoo.faces.detections import FaceDetector, FaceRefiner
from zoo.faces.track import FaceFollower, refine_track, smooth_track
from zoo.features.embedder import AudioEmbedder, VisualEmbedder, rows_of, sounding
from zoo.media.audio import Audio, read_audio
from zoo.media.decode import iter_frames
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import DEFAULT_LIMITS, Limits
from zoo.media.passes import FramePasses
from zoo.structures import FaceTrack


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Features of one video, one row a frame.

    Attributes:
        times: float64 [t], seconds.
        visual, audio: float32 [t, dim]; rows under a False mask are 0.
        visual_mask, audio_mask: bool [t]; False where no face was found, and where there is no sound.
        status: ``ok``, or ``no_face`` if no frame shows one.
        audio_status: ``ok``, or why there is no sound (``no_audio``, ``decode_error``).
        ledger: plain values: what was decoded of what the file lists, and on how many frames a face was followed.
    """

    times: np.ndarray
    visual: np.ndarray
    audio: np.ndarray
    visual_mask: np.ndarray
    audio_mask: np.ndarray
    status: str
    audio_status: str
    ledger: dict


class Extractor:
    """Decodes, follows the face, embeds pictures and sound, and joins them by time.

    Args:
        visual: embeds the pictures.
        audio: embeds the sound around the pictures' times.
        face_detector: finds faces on sampled frames.
        rate_hz: frames a second to use, the first at or after each tick; every frame of the video if None. Frames
            keep their own times.
        every_s: seconds between frames on which faces are detected.
        max_gap_s: a face unseen for longer is masked meanwhile.
        smooth_s: standard deviation of the track's smoothing, in seconds.
        audio_rate: samples a second at which sound is decoded.
        kept_bytes: a video whose frames need more is decoded again for each pass rather than kept.
        limits: caps on the files.
    """

    VERSION = 1

    def __init__(
        self,
        *,
        visual: VisualEmbedder,
        audio: AudioEmbedder,
        face_detector: FaceDetector,
        rate_hz: float | None = None,
        every_s: float = 0.4,
        max_gap_s: float = 1.0,
        smooth_s: float = 0.06,
        audio_rate: int = 16_000,
        kept_bytes: int = 256 << 20,
        limits: Limits = DEFAULT_LIMITS,
    ):
        self.visual = visual
        self.audio = audio
        self.face_detector = face_detector
        self.rate_hz = rate_hz
        self.every_s = every_s
        self.max_gap_s = max_gap_s
        self.smooth_s = smooth_s
        self.audio_rate = audio_rate
        self.kept_bytes = kept_bytes
        self.limits = limits

    def fingerprint(self) -> dict:
        """What shapes the features, by part; equal values, equal feature space. Loads every network once."""
        return {
            "visual": f"{type(self.visual).__name__} {self.visual.fingerprint()}",
            "audio": f"{type(self.audio).__name__} {self.audio.fingerprint()}",
            "face_detector": f"{type(self.face_detector).__name__} {self.face_detector.fingerprint()}",
            "sampling": {
                "version": self.VERSION,
                "rate_hz": self.rate_hz,
                "every_s": self.every_s,
                "max_gap_s": self.max_gap_s,
                "smooth_s": self.smooth_s,
                "audio_rate": self.audio_rate,
            },
        }

    def saved_arrays(self) -> Mapping[str, np.ndarray]:
        """Arrays to keep beside the features: random projections."""
        return {**self.visual.saved_arrays(), **self.audio.saved_arrays()}

    def extract(self, path: str | os.PathLike) -> Features:
        """The features of the video at ``path``.

        Raises:
            MediaError: the video cannot be decoded; absent or broken sound is no error, ``audio_status`` tells.
        """
        clip = self.open(path)
        track = self.follow(clip)
        seen = np.asarray(track.mask)
        audio, audio_mask, audio_status, audio_ledger = self._hear(path, np.asarray(track.times))
        return Features(
            times=np.asarray(track.times),
            visual=self._look(clip, track),
            audio=audio,
            visual_mask=seen,
            audio_mask=audio_mask,
            status="ok" if seen.any() else "no_face",
            audio_status=audio_status,
            ledger={
                "video": clip.ledger.to_dict(),
                "audio": audio_ledger,
                "audio_status": audio_status,
                "frames": len(seen),
                "frames_with_face": int(seen.sum()),
            },
        )

    def open(self, path: str | os.PathLike) -> FramePasses:
        """The frames that are used of the video at ``path``; nothing is decoded yet."""
        return FramePasses(partial(self._frames, path), kept_bytes=self.kept_bytes)

    def _frames(self, path: str | os.PathLike, ledger: DecodeLedger) -> Iterator[tuple[float, np.ndarray]]:
        tick = 0
        for time, frame in iter_frames(path, limits=self.limits, ledger=ledger):
            if self.rate_hz is None:
                yield time, frame
            elif time * self.rate_hz >= tick - 1e-3:
                tick = int(np.floor(time * self.rate_hz + 1e-3)) + 1
                yield time, frame

    def follow(self, clip: FramePasses) -> FaceTrack:
        """The face of ``clip``, one row a frame, smoothed.

        Raises:
            MediaError: the video cannot be decoded.
        """
        follower = FaceFollower(self.face_detector, every_s=self.every_s, max_gap_s=self.max_gap_s)
        for frames, times in clip.pieces():
            follower.see(frames, times)
        track = follower.track()
        if isinstance(self.face_detector, FaceRefiner) and np.any(track.mask):
            track = refine_track(track, clip.pieces(), self.face_detector)
        return smooth_track(track, smooth_s=self.smooth_s)

    def described(self, clip: FramePasses, track: FaceTrack) -> Iterator[np.ndarray]:
        """Visual features before they are standardised, float32 [n, dim] a piece of ``clip``, 0 where no face is."""
        seen = np.asarray(track.mask)
        start = 0
        for frames, _ in clip.pieces():
            rows = np.zeros((len(frames), self.visual.dim), np.float32)
            which = np.flatnonzero(seen[start : start + len(frames)])
            if len(which):
                shown = frames if len(which) == len(frames) else frames[which]
                rows[which] = self.visual.describe(shown, rows_of(track, start + which))
            yield rows
            start += len(frames)

    def _look(self, clip: FramePasses, track: FaceTrack) -> np.ndarray:
        seen = np.asarray(track.mask)
        rows = np.zeros((len(seen), self.visual.dim), np.float32)
        if not seen.any():
            return rows
        start = 0
        for piece in self.described(clip, track):
            rows[start : start + len(piece)] = piece
            start += len(piece)
        rows[seen] = self.visual.standardise(rows[seen])
        return rows

    def _hear(self, path: str | os.PathLike, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, str, dict | None]:
        try:
            sound: Audio = read_audio(path, rate=self.audio_rate, limits=self.limits)
        except MediaError as error:
            silent = np.zeros((len(times), self.audio.dim), np.float32)
            return silent, np.zeros(len(times), bool), error.status, None
        after_start = times - sound.start_s
        rows = self.audio.embed(sound.samples, sound.rate, after_start)
        return rows, sounding(after_start, len(sound.samples), sound.rate), "ok", sound.ledger.to_dict()
