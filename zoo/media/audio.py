"""Decoding of sound to mono samples on the time axis of the pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np

from zoo.errors import MediaError
from zoo.media.ledger import DecodeLedger
from zoo.media.limits import AUDIO_CODECS, DEFAULT_LIMITS, Limits
from zoo.media.packets import decode_packet, read_whole
from zoo.media.probe import audio_stream, beyond, check_codec, listed_packets, open_media, start_of, time_base_of

_JITTER_S: Final = 0.01
"""Timestamps may be this far off the count of samples before sound is moved: containers round to milliseconds."""

_PRIMING_PACKETS: Final = 2
"""How many packets' worth of sound a decoder may swallow without loss: encoder delay, overlapping windows."""

_BLOCK: Final = 1 << 16
_READY_S: Final = 5
"""Seconds of sound that come together before they are handed out."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono sound: ``samples`` float32 [n] in [-1, 1] at ``rate`` a second; sample i is heard at start_s + i / rate."""

    samples: np.ndarray
    rate: int
    start_s: float
    ledger: DecodeLedger


def read_audio(path: str | os.PathLike, *, rate: int = 16_000, limits: Limits = DEFAULT_LIMITS) -> Audio:
    """The first sound stream of a file, downmixed to mono and resampled.

    Time 0 is the container's first timestamp, as for pictures: a late start and gaps in the timestamps are filled
    with silence, overlaps are cut, so ``start_s`` is 0 and an index is a time.

    Args:
        path: the audio or video file.
        rate: samples a second of the result.
        limits: caps on the file; also on the duration that comes out.

    Raises:
        MediaError: the file cannot be opened or breaks a limit, has no sound stream (``no_audio``), or none of it
            can be decoded (``decode_error``).
    """
    ledger = DecodeLedger()
    parts = list(iter_audio(path, rate=rate, limits=limits, ledger=ledger))
    return Audio(np.concatenate(parts) if parts else np.zeros(0, np.float32), rate, 0.0, ledger)


def iter_audio(
    path: str | os.PathLike,
    *,
    rate: int = 16_000,
    limits: Limits = DEFAULT_LIMITS,
    ledger: DecodeLedger | None = None,
) -> Iterator[np.ndarray]:
    """The samples of `read_audio` in blocks, in order, in memory that does not grow with the duration.

    Args:
        path: the audio or video file.
        rate: samples a second of the result.
        limits: caps on the file; also on the duration that comes out.
        ledger: filled meanwhile; complete once the iterator is exhausted.

    Yields:
        float32 [n], mono, in [-1, 1]; n varies.

    Raises:
        MediaError: as `read_audio`, ``decode_error`` only at the end.
    """
    track = _Track(rate, limits, path, DecodeLedger() if ledger is None else ledger)
    with open_media(path, limits) as container:
        stream = audio_stream(container)
        if stream is None:
            raise MediaError("The file has no sound stream.", where=path, status="no_audio")
        check_codec(stream, AUDIO_CODECS, path)
        start = start_of(container)
        promised = _Promise(listed_packets(stream), time_base_of(stream), start)
        for packet in promised.watch(read_whole(container, stream, track.ledger)):
            for frame in decode_packet(stream, packet, track.ledger):
                track.add(frame, start)
                yield from track.ready()
        for frame in decode_packet(stream, None, track.ledger):
            track.add(frame, start)
    yield from track.rest()
    promised.settle(track.ledger, track.first_s, track.end_s)
    if track.first_s is None:
        raise MediaError(
            f"No sound could be decoded: {track.ledger.summary()}.",
            where=path,
            next_step="Fetch or convert the file again.",
            status="decode_error",
        )


class _Track:
    """Sound put in its place on the time axis, block by block, and resampled on the way."""

    def __init__(self, rate: int, limits: Limits, path: object, ledger: DecodeLedger):
        self.rate, self.limits, self.path = rate, limits, path
        self.ledger = ledger
        self.first_s: float | None = None
        self.end_s = 0.0
        self._parts: list[np.ndarray] = []
        self._given = 0  # samples handed out
        self._broken = False
        self._format: tuple | None = None
        self._source_rate = rate

    def add(self, frame: av.AudioFrame, start: Fraction) -> None:
        """Append a decoded frame at its own time."""
        try:
            samples = self._mono(frame)
        except (av.FFmpegError, ValueError) as error:
            self.ledger.note(f"decoding audio: {error}")
            return
        time = self.end_s if frame.pts is None else float(frame.pts * (frame.time_base or 0) - start)
        lead = time - self.end_s
        if max(time, self.end_s) > self.limits.max_duration_s:
            raise beyond("too_long", f"Sound at {time:,.0f} s", self.limits.max_duration_s, self.path)
        if self.first_s is not None and abs(lead) <= _JITTER_S:
            lead = 0.0
        if self.first_s is not None and lead:
            self.ledger.gaps.append((min(self.end_s, time), max(self.end_s, time)))
        self._silence(lead)
        overlap = min(round(max(-lead, 0.0) * frame.sample_rate), len(samples))
        self._push(samples[overlap:])
        self.first_s = time if self.first_s is None else self.first_s
        self.ledger.audio_decoded_s += (len(samples) - overlap) / frame.sample_rate

    def ready(self) -> Iterator[np.ndarray]:
        """What can be handed out, but for the last second, from which the end may yet be cut."""
        if sum(map(len, self._parts)) >= _READY_S * self.rate:
            samples = np.concatenate(self._parts)
            kept = len(samples) - self.rate
            self._parts = [samples[kept:]]
            yield self._sound(samples[:kept])

    def rest(self) -> Iterator[np.ndarray]:
        """The last samples, up to the end of the sound."""
        self._flush()
        samples = np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)
        size = max(0, round(self.end_s * self.rate) - self._given)
        samples = np.pad(samples[:size], (0, max(0, size - len(samples))))
        if len(samples):
            yield self._sound(samples)
        if self._broken:
            self.ledger.note("decoding audio: samples that are not finite, replaced with silence")

    def _sound(self, samples: np.ndarray) -> np.ndarray:
        """The samples within [-1, 1]."""
        self._given += len(samples)
        if not np.isfinite(samples).all():
            self._broken = True
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(samples, -1.0, 1.0)

    def _mono(self, frame: av.AudioFrame) -> np.ndarray:
        """float32 [n], the mean of the channels; a new format in mid-stream makes new converters."""
        form = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if form != self._format:
            self._flush()
            self._format, self._source_rate = form, frame.sample_rate
            self._to_float = av.AudioResampler(format="fltp")
            same = frame.sample_rate == self.rate
            self._to_rate = None if same else av.AudioResampler(format="fltp", layout="mono", rate=self.rate)
        blocks = [block.to_ndarray() for block in self._to_float.resample(frame)]
        return np.concatenate(blocks, axis=1).mean(axis=0, dtype=np.float32) if blocks else np.zeros(0, np.float32)

    def _silence(self, seconds: float) -> None:
        rest = round(max(seconds, 0.0) * self._source_rate)
        while rest:
            self._push(np.zeros(min(rest, _BLOCK), np.float32))
            rest -= min(rest, _BLOCK)

    def _push(self, samples: np.ndarray) -> None:
        self.end_s += len(samples) / self._source_rate
        if self._to_rate is None or not len(samples):
            self._parts.append(samples)
            return
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        block.sample_rate = self._source_rate
        self._parts += [out.to_ndarray()[0] for out in self._to_rate.resample(block)]

    def _flush(self) -> None:
        if self._format is not None and self._to_rate is not None:
            self._parts += [out.to_ndarray()[0] for out in self._to_rate.resample(None)]


class _Promise:
    """What the packets of a sound stream say about its length, against which the decoded sound is held."""

    def __init__(self, listed: int, time_base: Fraction, start: Fraction):
        self._listed, self._time_base, self._start = listed, time_base, start
        self._found = 0
        self._ticks = 0
        self._begin: int | None = None
        self._end = 0

    def watch(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        """Pass ``packets`` on and add up their durations."""
        for packet in packets:
            self._found += 1
            if packet.pts is not None and not packet.is_discard:
                self._begin = packet.pts if self._begin is None else min(self._begin, packet.pts)
                self._ticks += packet.duration or 0
                self._end = max(self._end, packet.pts + (packet.duration or 0))
            yield packet

    def settle(self, ledger: DecodeLedger, first_s: float | None, end_s: float) -> None:
        """Write what was promised into ``ledger``, and a gap where sound is missing at either end."""
        if not self._found or self._begin is None:
            return
        packet_s = float(self._ticks * self._time_base) / self._found
        ledger.audio_expected_s += packet_s * max(self._found, self._listed)
        ledger.audio_slack_s += _PRIMING_PACKETS * packet_s + _JITTER_S
        begin_s = max(0.0, float(self._begin * self._time_base - self._start))
        until_s = float(self._end * self._time_base - self._start)
        if first_s is not None and first_s > begin_s + packet_s + _JITTER_S:
            ledger.gaps.append((begin_s, first_s))
        if end_s < until_s - 1.5 * packet_s - _JITTER_S:
            ledger.gaps.append((end_s, until_s))
