"""Operation ids: the hash of a position, so that a replay finds the record of the operation it is at.

The scheme is the official Python SDK's (blake2b, 64 hexadecimal characters), so an execution can move between the two.
A position is the number of the operation in its context: `"1"`, `"2"`, … in the root, `"<context's id>-1"`, … below.
The k-th task that a context's code creates counts for itself under `"t<k>-"`: with one counter for all of them ids
would follow timing.
"""

from __future__ import annotations

from hashlib import blake2b


def operation_id(position: str) -> str:
    """The id of the operation at a position."""
    return blake2b(position.encode()).hexdigest()[:64]
