"""A count of halves of memories that looks at every bit on its own, and data to train on."""

import math

import numpy as np
import pytest


def _halves_bit_by_bit(bits, words, living=None):
    """Count the halves of a memory whose word has `bits`, for the bits in `living` (all of them where it is None).

    The rule as the reports have it: 2048 words at a time in halves of 9 bits; what is left over of the words in halves
    of 36, 18 or 9 bits by their number, and of 1025 to 1536 words three halves for every 36 bits that are complete.
    """
    over = words % 2048
    wide = {0: 9, 1: 36, 2: 18, 3: 36, 4: 9}[math.ceil(over / 512)]
    three = 1024 < over <= 1536
    piece_of, size = {}, {}
    for bit in range(bits):
        whole = bit // wide * wide + wide <= bits
        piece_of[bit] = bit // wide * wide if whole or not three else bit // 9 * 9
        size[piece_of[bit]] = size.get(piece_of[bit], 0) + 1
    needed = {piece_of[bit] for bit in (range(bits) if living is None else living)}
    halves = 0
    for piece in needed:
        halves += words // 2048 * math.ceil(size[piece] / 9)
        if over:
            halves += 3 if three and size[piece] == 36 else 1
    return halves


@pytest.fixture(scope="session")
def halves_bit_by_bit():
    """The count, as a function of bits, words and the bits that are needed."""
    return _halves_bit_by_bit


@pytest.fixture(scope="session")
def blobs():
    """Four classes that a small network separates well: 400 to train on, and 200."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(4, 16)) * 2
    labels = random.integers(0, 4, 600)
    inputs = (centres[labels] + random.normal(size=(600, 16))).astype("float32")
    return (inputs[:400], labels[:400]), (inputs[400:], labels[400:])
