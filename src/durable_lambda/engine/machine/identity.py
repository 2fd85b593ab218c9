"""Names that the service gives: ARNs, checkpoint tokens, callback ids.

Tokens and callback ids carry the execution's id, so that it can be found from them, and a random part, so that they
cannot be guessed. Randomness is passed in (`Entropy`): the machine has none of its own.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

REGION = "us-east-1"
ACCOUNT = "000000000000"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}:$LATEST"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""An execution's name (the service's `DurableExecutionName`), and a function's."""

Entropy: TypeAlias = Callable[[int], bytes]
"""As many random bytes as asked for; `os.urandom` outside tests."""


def no_entropy(size: int) -> bytes:
    """For a state that is only read."""
    raise AssertionError("a state that is read needs no new ids")


def function_arn(function: str) -> str:
    """The ARN under which a function of this engine is known."""
    return FUNCTION_ARN.format(name=function)


def execution_arn(function: str, execution_name: str, execution_id: str) -> str:
    """The ARN of an execution: its last segment is its id."""
    return f"{function_arn(function)}/durable-execution/{execution_name}/{execution_id}"


def new_execution_id(entropy: Entropy) -> str:
    """A random UUID."""
    return str(UUID(bytes=entropy(16), version=4))


def execution_id_in(opaque: str) -> str | None:
    """The id of the execution that a token or callback id belongs to; `None` if it is neither."""
    try:
        content = binascii.a2b_base64(opaque, strict_mode=True)
    except ValueError:
        return None
    return str(UUID(bytes=content[:16])) if len(content) == 28 else None


class Identity:
    """Makes the opaque ids of one execution."""

    __slots__ = ("_counter", "_entropy", "_nonce", "_prefix")

    def __init__(self, execution_id: str, entropy: Entropy) -> None:
        self._prefix = UUID(execution_id).bytes
        self._entropy = entropy
        self._nonce = b""
        self._counter = 0

    def first_token(self) -> str:
        """A token for a new invocation, with a random part that its later ones share."""
        self._nonce = self._entropy(8)
        self._counter = 0
        return self.next_token()

    def next_token(self) -> str:
        """A token that was never given before."""
        self._counter += 1
        content = self._prefix + self._nonce + self._counter.to_bytes(4, "big")
        return binascii.b2a_base64(content, newline=False).decode("ascii")

    def execution_id(self) -> str:
        """An id for an execution that this one starts."""
        return new_execution_id(self._entropy)

    def callback_id(self) -> str:
        """An id for a new callback."""
        return binascii.b2a_base64(self._prefix + self._entropy(12), newline=False).decode("ascii")
