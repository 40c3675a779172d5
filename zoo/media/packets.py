"""Reading packets and decoding them when either may fail at any point."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final, overload

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from zoo.media.ledger import DecodeLedger
from zoo.media.probe import start_of, time_base_of

_MOST_FAILURES: Final = 16
"""Read errors in a row after which a file is given up: some demuxers repeat one error forever."""

_END_TOLERANCE_S: Final = 0.1
_TRANSPORT_PACKETS: Final = (188, 192, 204)


def read_packets(
    container: InputContainer, stream: VideoStream | AudioStream, ledger: DecodeLedger
) -> Iterator[av.Packet]:
    """The packets of ``stream`` from where the container stands; read errors go to the ledger and are passed over."""
    for packet in _demux(container, [stream], ledger):
        if packet.is_corrupt:
            ledger.note(f"reading {stream.type}: the packet at {packet.pts} is marked corrupt")
        yield packet


def read_whole(
    container: InputContainer, stream: VideoStream | AudioStream, ledger: DecodeLedger
) -> Iterator[av.Packet]:
    """Like `read_packets`, for a pass over the whole file that also holds its length against what it declares."""
    streams = [*container.streams.video, *container.streams.audio]
    reach_s = 0.0
    for packet in _demux(container, streams, ledger):
        if packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * time_base_of(packet.stream) - start_of(container)
            reach_s = max(reach_s, float(end))
        if packet.stream.index == stream.index:
            if packet.is_corrupt:
                ledger.note(f"reading {stream.type}: the packet at {packet.pts} is marked corrupt")
            yield packet
    if container.format.name.startswith("matroska") and container.duration:  # others only estimate their duration
        declared_s = container.duration / av.time_base
        if reach_s < declared_s - _END_TOLERANCE_S:
            ledger.note(f"the file ends at {reach_s:.2f} s and declares {declared_s:.2f} s")
    if container.format.name == "mpegts" and all(container.size % size for size in _TRANSPORT_PACKETS):
        ledger.note("the file ends inside a transport packet")


def _demux(container: InputContainer, streams: list, ledger: DecodeLedger) -> Iterator[av.Packet]:
    failures = 0
    while failures < _MOST_FAILURES:
        try:
            for packet in container.demux(streams):
                if packet.size == 0 and packet.dts is None:  # what PyAV adds at the end to flush the decoders
                    continue
                failures = 0
                yield packet
            return
        except (av.FFmpegError, ValueError) as error:  # text in a broken header need not be UTF-8
            ledger.note(f"reading: {error}")
            failures += 1


def decode_frames(container: InputContainer, stream: VideoStream, ledger: DecodeLedger) -> Iterator[av.VideoFrame]:
    """The pictures of ``stream`` from where the container stands; decoding errors go to the ledger."""
    for packet in read_packets(container, stream, ledger):
        yield from decode_packet(stream, packet, ledger)
    yield from decode_packet(stream, None, ledger)


@overload
def decode_packet(stream: VideoStream, packet: av.Packet | None, ledger: DecodeLedger) -> list[av.VideoFrame]: ...
@overload
def decode_packet(stream: AudioStream, packet: av.Packet | None, ledger: DecodeLedger) -> list[av.AudioFrame]: ...
def decode_packet(stream, packet, ledger):
    """The frames that ``packet`` completes (None: those still inside the decoder); an error goes to the ledger."""
    if packet is not None and not packet.size:  # "as before" in AVI; a decoder would take it for the end
        return []
    try:
        return stream.decode(packet)
    except (av.FFmpegError, ValueError) as error:
        if getattr(error, "errno", None) == errno.ENOMEM:
            raise MemoryError(str(error)) from error
        ledger.note(f"decoding {stream.type}: {error}")
        return []
