"""Repeatable chance: a named generator for a block of work, and a hash draw for a fact that several blocks must agree on."""

import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def named_generator(seed: int, *names: object) -> np.random.Generator:
    """A generator that depends on the seed and the name of the work alone, not on what was drawn before."""
    name = zlib.crc32("/".join(str(part) for part in names).encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, name])))


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finaliser of splitmix64 (Steele, Lea and Flood 2014): every input bit reaches every output bit.
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def hash_uniform(seed: int, name: str, *keys: ArrayLike) -> Floats:
    """Uniform on (0, 1) for each row of keys: the same keys give the same number wherever they are met."""
    bits = np.asarray([(seed << 32) ^ zlib.crc32(name.encode())], dtype=np.uint64)
    for key in keys:
        step = np.atleast_1d(np.asarray(key)).astype(np.int64).view(np.uint64)
        bits = _mix(bits * np.uint64(0x9E3779B97F4A7C15) + step + np.uint64(1))
    top: Floats = (_mix(bits) >> np.uint64(11)).astype(np.float64)
    return (top + 0.5) / 2.0**53
