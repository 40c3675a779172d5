"""Reading packets and decoding them when either may fail at any point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from zoo.media.ledger import DecodeLedger

_MOST_FAILURES: Final = 16
"""Read errors in a row after which a file is given up: some demuxers repeat one error forever."""


def read_packets(
    container: InputContainer, stream: VideoStream | AudioStream, ledger: DecodeLedger
) -> Iterator[av.Packet]:
    """The packets of ``stream`` from where the container stands; read errors go to the ledger and are passed over."""
    failures = 0
    while failures < _MOST_FAILURES:
        try:
            for packet in container.demux(stream):
                if packet.size == 0:  # what PyAV adds at the end to flush the decoder
                    return
                failures = 0
                yield packet
            return
        except av.FFmpegError as error:
            ledger.note(f"reading {stream.type}: {error}")
            failures += 1


def decode_frames(
    container: InputContainer, stream: VideoStream | AudioStream, ledger: DecodeLedger
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """The frames of ``stream`` from where the container stands; decoding errors go to the ledger."""
    for packet in read_packets(container, stream, ledger):
        yield from decode_packet(stream, packet, ledger)
    yield from decode_packet(stream, None, ledger)


def decode_packet(stream: VideoStream | AudioStream, packet: av.Packet | None, ledger: DecodeLedger) -> list:
    """The frames that ``packet`` completes (None: those still inside the decoder); an error goes to the ledger."""
    try:
        return stream.decode(packet)
    except (av.FFmpegError, ValueError) as error:
        ledger.note(f"decoding {stream.type}: {error}")
        return []
