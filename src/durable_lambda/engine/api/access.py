"""Who may use a server. On loopback everybody on this machine; elsewhere whoever proves that he knows a secret.

Two proofs are taken: a bearer token, and a signature of AWS's version 4, which every AWS client makes with its
credentials. A page in a browser can send requests to a loopback address as well, so a request with an `Origin`, or with
a `Host` that is not this server's, is refused unless it carries a proof.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from durable_lambda.engine.api.reply import AccessDeniedException

CLOCK_SKEW_SECONDS: Final = 300
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_LOCAL_NAMES: Final = ("localhost", "host.docker.internal")


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host.lower() in _LOCAL_NAMES[:1]:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_near(host: str) -> bool:
    """Whether a name means this machine, also out of a container on it."""
    return is_loopback(host) or host.lower() in _LOCAL_NAMES


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """The secrets that a server takes; without any, everybody on this machine may use it.

    Args:
        token: for `Authorization: Bearer TOKEN`.
        access_key_id: with `secret_access_key`, the credentials that AWS clients sign with.
    """

    token: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    worker_token: str | None = None
    """A bearer token of the server's own workers; it opens nothing when nothing is closed."""

    @property
    def is_open(self) -> bool:
        """Whether no proof is asked for."""
        return self.token is None and self.access_key_id is None


@dataclass(frozen=True, slots=True)
class Received:
    """What a signature is about. `path` and `query` as they came; headers by lower-case name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    """Only of a signed request."""


def is_signed(access: Access, headers: Mapping[str, str]) -> bool:
    """Whether a request shows a signature, which is one of its body as well."""
    return access.access_key_id is not None and headers.get("authorization", "").startswith(_ALGORITHM)


def check_access(access: Access, received: Received) -> None:
    """Raise `AccessDeniedException` unless the request may be answered."""
    if access.is_open:
        _check_local(received.headers)
        return
    authorization = received.headers.get("authorization", "")
    if authorization.startswith("Bearer "):
        shown = authorization[7:].strip().encode()
        if any(hmac.compare_digest(shown, token.encode()) for token in (access.token, access.worker_token) if token):
            return
    elif is_signed(access, received.headers) and _has_valid_signature(access, received, authorization):
        return
    raise AccessDeniedException(
        "The request carries no valid proof: send the server's bearer token, or sign with its access key."
    )


def _check_local(headers: Mapping[str, str]) -> None:
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name and not is_near(name):
        raise AccessDeniedException(f"This server answers on loopback addresses only, not to the name {name[:100]!r}.")
    origin = headers.get("origin")
    if origin is not None and origin.rpartition("//")[2] != host:
        raise AccessDeniedException("This server does not answer to pages of other origins.")


def _has_valid_signature(access: Access, received: Received, authorization: str) -> bool:
    fields: dict[str, str] = {}
    for part in authorization[len(_ALGORITHM) :].split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    key_id, _, scope = fields.get("Credential", "").partition("/")
    parts = scope.split("/")
    moment = received.headers.get("x-amz-date", "")
    if key_id != access.access_key_id or len(parts) != 4 or parts[3] != "aws4_request" or not _is_recent(moment):
        return False
    names = fields.get("SignedHeaders", "").split(";")
    if "host" not in names:
        return False
    canonical = "\n".join(
        (
            received.method,
            quote(received.path, safe="/-_.~"),
            "&".join(sorted(part if "=" in part else f"{part}=" for part in received.query.split("&") if part)),
            *(f"{name}:{' '.join(received.headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(received.body).hexdigest(),
        )
    )
    text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{access.secret_access_key}".encode()
    for part in parts:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), fields.get("Signature", ""))


def _is_recent(moment: str) -> bool:
    try:
        then = timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return False
    return abs(time.time() - then) <= CLOCK_SKEW_SECONDS
