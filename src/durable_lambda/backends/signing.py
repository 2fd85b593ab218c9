"""Who signs: with which credentials, and by which clock.

In Lambda the environment has keys. Elsewhere they come from `botocore`, which knows the whole standard chain: profiles
with roles, processes and IAM Identity Center, web identity, containers, instances; it is asked only when there are none
in the environment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from durable_lambda.backends.messages import Request
from durable_lambda.backends.sigv4 import Keys, sign
from durable_lambda.errors import BackendError

_TOLERATED_SKEW: Final = timedelta(minutes=4)
"""The service accepts a signature for five minutes."""

_NO_CREDENTIALS: Final = (
    "no AWS credentials were found{}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile with "
    "AWS_PROFILE, sign in with `aws sso login`, or run where a role gives them"
)


class Signer:
    """Signs the requests to one region."""

    def __init__(self, region: str, environ: Mapping[str, str]) -> None:
        self._region = region
        self._environ = environ
        self._chain: _Chain | None = None
        self._skew = timedelta()
        """How far the service's clock is ahead of ours."""

    async def sign(self, request: Request) -> None:
        """Add the headers of the signature. Raises `BackendError` when there are no credentials."""
        keys = _environment_keys(self._environ)
        if keys is None:
            if self._chain is None:
                self._chain = await asyncio.to_thread(_Chain)
            keys = await asyncio.to_thread(self._chain.keys)
        sign(request, keys, self._region, "lambda", datetime.now(UTC) + self._skew)

    def learn(self, status: int, date: str | None, code: str) -> bool:
        """What a refused signature tells: that our clock is wrong, or that the credentials are old.

        Returns whether another signature may do better.
        """
        if status not in (400, 401, 403):
            return False
        if code in ("ExpiredTokenException", "ExpiredToken"):
            self._chain = None
            return True
        server = _moment(date)
        if server is None or status == 400:
            return False
        off = server - datetime.now(UTC)
        if abs(off - self._skew) < _TOLERATED_SKEW:
            return False
        self._skew = off
        return True


def _environment_keys(environ: Mapping[str, str]) -> Keys | None:
    """The keys that Lambda gives; read for each request, since they are replaced there."""
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    return Keys(access, secret, environ.get("AWS_SESSION_TOKEN") or None) if access and secret else None


def _moment(date: str | None) -> datetime | None:
    from email.utils import parsedate_to_datetime  # late: it brings the whole of `email`, and clocks are rarely wrong

    try:
        moment = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class _Chain:
    """The standard chain, which caches what it finds and refreshes it. Both may block: for a thread."""

    def __init__(self) -> None:
        try:
            # late: only where the environment has no keys
            from botocore.exceptions import BotoCoreError  # pyright: ignore[reportMissingTypeStubs]
            from botocore.session import Session  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise BackendError(
                "the environment has no AWS credentials, and to look for others needs botocore: "
                "pip install 'durable-lambda[aws]'"
            ) from error
        self._refusal = BotoCoreError
        session: Any = Session()
        try:
            self._credentials: Any = session.get_credentials()
        except BotoCoreError as error:
            raise BackendError(_NO_CREDENTIALS.format(f" ({error})")) from error
        if self._credentials is None:
            raise BackendError(_NO_CREDENTIALS.format(""))

    def keys(self) -> Keys:
        try:
            frozen = self._credentials.get_frozen_credentials()
        except self._refusal as error:
            raise BackendError(_NO_CREDENTIALS.format(f" ({error})")) from error
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)
