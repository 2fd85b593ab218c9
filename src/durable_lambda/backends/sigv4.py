"""AWS Signature Version 4 of a request, in its headers. Pure: the moment and the keys are passed in.

By hand, since every library that does it takes longer to import than all the rest of a cold start together
(`docs/aws.md` has the figures). The tests hold each signature against botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import msgspec

from durable_lambda.backends.messages import Request

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNSIGNED: Final = ("user-agent", "x-amzn-trace-id", "content-length")
"""Headers that a proxy may change on the way."""


class Keys(msgspec.Struct, frozen=True):
    """Credentials; the token comes with temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None


def sign(request: Request, keys: Keys, region: str, service: str, moment: datetime) -> None:
    """Add the headers of the signature. `moment` is in UTC; the path of the request is percent-encoded already."""
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    request.headers.append(("X-Amz-Date", stamp))
    if keys.token is not None:
        request.headers.append(("X-Amz-Security-Token", keys.token))
    signed = sorted((name.lower(), " ".join(value.split())) for name, value in request.headers)
    signed = [(name, value) for name, value in signed if name not in _UNSIGNED]
    names = ";".join(name for name, _ in signed)
    path, _, query = request.target.partition("?")
    canonical = "\n".join(
        (
            request.method,
            quote(path, safe="/~"),  # once more, as all services but S3 have it
            "&".join(sorted(query.split("&"))),
            *(f"{name}:{value}" for name, value in signed),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = _signing_key(keys.secret_key, scope)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    request.headers.append(
        (
            "Authorization",
            f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}",
        )
    )


@lru_cache(maxsize=4)
def _signing_key(secret: str, scope: str) -> bytes:
    """The key of a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
