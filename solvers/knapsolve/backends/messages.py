"""Length-prefixed pickles over a pipe."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

_PREFIX_BYTES = 8


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message and flush it.

    Raises
    ------
    OSError
        If the other end is gone.
    """
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(body).to_bytes(_PREFIX_BYTES, "little"))
    stream.write(body)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message, waiting for it.

    Raises
    ------
    EOFError
        If the other end is gone, even in the middle of a message.
    """
    return pickle.loads(_exactly(stream, int.from_bytes(_exactly(stream, _PREFIX_BYTES), "little")))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    body = stream.read(count)
    if len(body) != count:
        raise EOFError("the pipe was closed")
    return body
