"""From a planned clip of the visual replicas to its files."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from zoo.datasets.replica.identity import Sitter, make_face
from zoo.datasets.replica.plan import DIFFICULTIES, MARGIN_S
from zoo.datasets.replica.recordings import cut_speech, read_recordings
from zoo.datasets.replica.render import FPS
from zoo.datasets.replica.renderer import TalkingHead, draw_pose
from zoo.datasets.replica.shot import Actor, Manipulation, Shot, set_up
from zoo.datasets.replica.speech import RATE, Voice, add_noise, mouth_motion, set_loudness, synthesise_speech
from zoo.datasets.replica.vocoder import revoice
from zoo.files import atomic_write
from zoo.media.encode import write_video

VIDEO: Final = "video"
MASK: Final = "mask"
FACES: Final = "faces"
"""Kinds of files: a video, the video of its manipulated area, a ``.tar.gz`` of cut-out faces."""

BYSTANDERS: Final = 1_000_000
"""Added to an identity, it is the person beside; nobody else's face."""

_LOOK: Final = DIFFICULTIES["normal"]
_KEEP_BYTES: Final = 160 << 20  # of drawn frames, kept for the next file of the same clip
_FACE_SIDE: Final = 224
_FACE_MARGIN: Final = 0.3
_FACE_EVERY: Final = 5  # frames
_FACE_QUALITY: Final = 80
_CROSSFADE_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a clip: where below the root, of what kind, and at which constant rate factor."""

    path: Path
    kind: str = VIDEO
    crf: int = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualClip:
    """A clip ``take`` of ``identity``, genuine or made of the genuine one with something of another clip.

    ``donor`` is (identity, take) of that other clip; where it is ``generated``, its sound is that of a vocoder.
    ``method`` and ``manipulation`` are None in a clip with a genuine picture. ``voiced`` (start, end) in seconds are
    the stretches where the donor is heard, ``touched`` those where picture or sound or both were changed; in a genuine
    clip there is none.
    """

    identity: int
    take: int
    files: tuple[File, ...]
    split: str | None = None
    donor: tuple[int, int] | None = None
    generated: bool = False
    method: str | None = None
    manipulation: Manipulation | None = None
    voiced: tuple[tuple[float, float], ...] = ()
    touched: tuple[tuple[float, float], ...] = ()

    @property
    def is_real(self) -> bool:
        return self.donor is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What all clips of a visual replica have in common; see :class:`zoo.datasets.replica.visual.VisualReplica`."""

    duration_s: float
    frame_size: tuple[int, int]
    head_size: int
    keyframe_every: int
    second_person: float
    absence: float
    sound: bool
    seed: int

    @property
    def frames(self) -> int:
        return round(self.duration_s * FPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTask:
    """All that is needed to draw clips of one identity, in whatever process.

    ``sitters`` are those that are needed, by their numbers; all ``photographs`` take turns by identity, each for
    ``people_per_photo`` identities in a row.
    """

    look: Look
    root: Path
    clips: tuple[VisualClip, ...]
    sitters: Mapping[int, Sitter]
    photographs: int
    people_per_photo: int
    speech: Path | None


@dataclass(slots=True)
class _Studio:
    """Draws for one task, and keeps what several clips need."""

    task: FilmTask
    heads: dict[int, TalkingHead] = field(default_factory=dict)
    sounds: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def rng(self, *numbers: int) -> np.random.Generator:
        return np.random.default_rng([self.task.look.seed, *numbers])

    def head(self, identity: int) -> TalkingHead:
        if identity not in self.heads:
            sitter = self.task.sitters[identity // self.task.people_per_photo % self.task.photographs]
            self.heads[identity] = TalkingHead(make_face(sitter, rng=self.rng(3, identity)))
        return self.heads[identity]

    def spoken(self, identity: int, take: int) -> np.ndarray:
        """What is said in a clip, clean: float32 [frames * RATE // FPS]."""
        key = (identity, take)
        if key not in self.sounds:
            rng = self.rng(6, identity, take)
            duration_s = self.task.look.duration_s + MARGIN_S
            if self.task.speech is None:
                speech = synthesise_speech(Voice.draw(self.rng(7, identity)), duration_s=duration_s, rng=rng)
            else:
                speakers = read_recordings(self.task.speech)
                name = sorted(speakers)[identity % len(speakers)]
                speech = cut_speech(speakers[name], duration_s=duration_s, rng=rng)
            self.sounds[key] = speech[: self.task.look.frames * RATE // FPS]
        return self.sounds[key]

    def actor(self, identity: int, take: int) -> Actor:
        """Who does what in the genuine clip ``take``."""
        rng = self.rng(4, identity, take)
        frames = self.task.look.frames
        pose = draw_pose(frames=frames, fps=FPS, amount=_LOOK.movement, rng=rng)
        gain = np.array([rng.uniform(*_LOOK.gain), 1.0], np.float32)
        motion = mouth_motion(self.spoken(identity, take), frames=frames, fps=FPS) * gain
        return Actor(head=self.head(identity), motion=motion, pose=pose)

    def heard(self, identity: int, take: int) -> np.ndarray:
        """The sound of a genuine clip: noise and loudness as everywhere."""
        noisy = add_noise(self.spoken(identity, take), snr_db=_LOOK.snr_db, rng=self.rng(5, identity, take))
        return set_loudness(noisy)

    def shot(self, clip: VisualClip) -> Shot:
        """Place, wall and company of a clip: the same for a genuine clip and all that was made of it."""
        look, rng = self.task.look, self.rng(8, clip.identity, clip.take)
        company, leaves = rng.random(2) < (look.second_person, look.absence)
        bystander = self.actor(BYSTANDERS + clip.identity, clip.take) if company else None
        return set_up(
            self.actor(clip.identity, clip.take),
            frame_size=look.frame_size,
            head_size=look.head_size,
            bystander=bystander,
            away_s=0.25 * look.duration_s if leaves else 0.0,
            fps=FPS,
            rng=rng,
        )

    def sound(self, clip: VisualClip) -> np.ndarray | None:
        if not self.task.look.sound:
            return None
        sound = self.heard(clip.identity, clip.take)
        if not (clip.donor and clip.voiced):
            return sound
        other = set_loudness(revoice(self.spoken(*clip.donor))) if clip.generated else self.heard(*clip.donor)
        return splice(sound, other, clip.voiced)

    def film(self, clip: VisualClip, shot: Shot) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if clip.manipulation is None or clip.donor is None:
            return shot.film()
        return shot.film(clip.manipulation.on(shot, self.actor(*clip.donor)))


def film_clips(task: FilmTask) -> int:
    """Write the clips of ``task``; returns how many. What is written depends on nothing but ``task``."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        studio = _Studio(task)
        for clip in task.clips:
            _write_files(studio, clip)
    finally:
        cv2.setNumThreads(threads)
    return len(task.clips)


def _write_files(studio: _Studio, clip: VisualClip) -> None:
    look, shot = studio.task.look, studio.shot(clip)
    source = _frames(studio, clip, shot)
    for file in clip.files:
        path = studio.task.root / file.path
        if file.kind == FACES:
            _write_faces(path, shot, source(), label="real" if clip.is_real else "fake")
            continue
        white = file.kind == MASK
        pictures = (np.repeat(255 * mask.astype(np.uint8)[..., None], 3, 2) if white else p for p, mask in source())
        write_video(
            path,
            pictures,
            fps=FPS,
            audio=None if white else studio.sound(clip),
            rate=RATE,
            crf=file.crf,
            preset="superfast",
            gop=look.keyframe_every,
        )


def _frames(studio: _Studio, clip: VisualClip, shot: Shot) -> Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]:
    """What gives the pictures and masks of ``clip``, once for each of its files: drawn once if they are few."""
    width, height = studio.task.look.frame_size
    if len(clip.files) > 1 and studio.task.look.frames * width * height * 4 <= _KEEP_BYTES:
        kept = list(studio.film(clip, shot))
        return lambda: kept
    return lambda: studio.film(clip, shot)


def _write_faces(path: Path, shot: Shot, frames: Iterable[tuple[np.ndarray, np.ndarray]], *, label: str) -> None:
    """A gzipped tar of ``<n>/<label>/0/<frame>.png``: faces cut out square, after a lossy picture codec."""
    number = path.name.split(".")[0]
    with (
        atomic_write(path) as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for t, (picture, _) in enumerate(frames):
            if t % _FACE_EVERY == 0:
                content = cv2.imencode(".png", _cut_face(picture, shot.face_box(t)))[1].tobytes()
                member = tarfile.TarInfo(f"{number}/{label}/0/{t}.png")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def _cut_face(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The face of ``picture`` (RGB) as BGR uint8 [_FACE_SIDE, _FACE_SIDE, 3]; beyond the picture its edge goes on."""
    side = (1 + _FACE_MARGIN) * max(box[2:] - box[:2])
    left, top = (box[:2] + box[2:] - side) / 2
    factor = _FACE_SIDE / side
    matrix = np.array([[factor, 0, -factor * left], [0, factor, -factor * top]])
    face = cv2.warpAffine(picture, matrix, (_FACE_SIDE, _FACE_SIDE), borderMode=cv2.BORDER_REPLICATE)
    jpeg = cv2.imencode(".jpg", face[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _FACE_QUALITY])[1]
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))


def splice(sound: np.ndarray, other: np.ndarray, stretches: Iterable[tuple[float, float]]) -> np.ndarray:
    """``sound`` with the same moments of ``other`` in ``stretches`` (start, end) in seconds, crossfaded inside them.

    Both float32 [n] at ``RATE``.
    """
    time = (np.arange(len(sound)) + 0.5) / RATE
    weight = np.zeros(len(sound), np.float32)
    for begin, end in stretches:
        weight = np.maximum(weight, np.clip(np.minimum(time - begin, end - time) / _CROSSFADE_S, 0, 1))
    return (sound * (1 - weight) + other * weight).astype(np.float32)
