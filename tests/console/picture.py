"""Pictures: what a screenshot looks like in numbers, so that an empty or unstyled page is noticed."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def pixels(png: bytes) -> NDArray[np.uint8]:
    """The picture as height x width x 3; for PNGs with 8 bits per channel, as the browser makes them."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert depth == 8 and colour in (2, 6), "an unexpected kind of PNG"
    channels = 3 if colour == 2 else 4
    data, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * channels)
    rows = np.zeros((height, width * channels), np.uint8)
    before = np.zeros(width * channels, np.int32)
    for place in range(height):
        rows[place] = before = _unfiltered(raw[place, 0], raw[place, 1:].astype(np.int32), before, channels)
    return rows.reshape(height, width, channels)[:, :, :3]


def _unfiltered(kind: int, line: NDArray[np.int32], above: NDArray[np.int32], step: int) -> NDArray[np.int32]:
    if kind == 0:
        return line
    if kind == 2:
        return (line + above) & 255
    found = line.copy()
    for at in range(len(line)):
        left = int(found[at - step]) if at >= step else 0
        up = int(above[at])
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            corner = int(above[at - step]) if at >= step else 0
            guess = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
        found[at] = (int(line[at]) + guess) & 255
    return found


def brightness(picture: NDArray[np.uint8]) -> float:
    """The mean brightness from 0 (black) to 255."""
    return float(picture.mean())


def ink_share(picture: NDArray[np.uint8]) -> float:
    """The share of pixels that differ from the commonest colour."""
    colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    return 1 - float(counts.max()) / float(counts.sum()) if len(colours) else 0.0
