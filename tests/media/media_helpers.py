"""Pictures that carry their number, and sound whose place in time can be measured."""

import struct

import numpy as np

SIDE, COLUMNS, ROWS = 16, 6, 2


def numbered(number, *, columns=COLUMNS):
    """uint8 [32, 96, 3]: the twelve bits of ``number`` as black and white squares."""
    bits = [(number >> k) & 1 for k in range(COLUMNS * ROWS)]
    grid = np.array(bits, np.uint8).reshape(ROWS, COLUMNS) * 200 + 28
    picture = np.kron(grid, np.ones((SIDE, SIDE), np.uint8))
    return np.repeat(picture[..., None], 3, axis=2)


def number_of(picture):
    """The number that a decoded picture carries."""
    bits = [
        picture[r * SIDE + 4 : r * SIDE + 12, c * SIDE + 4 : c * SIDE + 12].mean() > 128
        for r in range(ROWS)
        for c in range(COLUMNS)
    ]
    return sum(int(bit) << k for k, bit in enumerate(bits))


def chirp(seconds, rate=16_000):
    """float32 [seconds * rate]: a rising tone, switched on and off; it correlates with itself at lag 0 alone."""
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.5 * np.sin(2 * np.pi * (200 * time + 300 * time**2))
    return (tone * (np.sin(2 * np.pi * 1.7 * time) > -0.5)).astype(np.float32)


def lag_of(heard, reference):
    """By how many samples ``heard`` comes later than ``reference``."""
    size = len(heard) + len(reference)
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size))
    lag = int(np.fft.irfft(spectrum, size).argmax())
    return lag if lag < len(heard) else lag - size


def turn_mp4(data, matrix):
    """The bytes of an MP4 file with the display matrix (a, b, c, d) of its first track replaced."""
    a, b, c, d = (value << 16 for value in matrix)
    at = data.index(b"tkhd") + 44
    return data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]
