"""Signatures (SigV4), and the credentials for them, by `awscrt`.

Credentials come from the chain of the AWS SDKs: environment, profile (with roles and processes), web identity,
container, instance. The chain caches and refreshes them. `awscrt` reads no profile of IAM Identity Center (SSO); for
such a profile, which only a developer's machine has, `botocore` is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from awscrt import auth, exceptions, http  # pyright: ignore[reportMissingTypeStubs]

from durable_lambda.backends.messages import Request
from durable_lambda.backends.native import bootstrap, result_of
from durable_lambda.backends.settings import profile_settings
from durable_lambda.errors import BackendError

_auth: Any = auth

_TOLERATED_SKEW: Final = timedelta(minutes=4)
"""The service accepts a signature for five minutes."""

_NO_CREDENTIALS: Final = (
    "no AWS credentials were found ({}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile with "
    "AWS_PROFILE, sign in with `aws sso login`, or run where a role gives them"
)


class Signer:
    """Signs the requests to one region."""

    def __init__(self, region: str, environ: Mapping[str, str]) -> None:
        self._region = region
        self._environ = environ
        self._provider: Any = None
        self._skew = timedelta()
        """How far the service's clock is ahead of ours."""

    async def sign(self, request: Request) -> None:
        """Add the headers of the signature. Raises `BackendError` when there are no credentials."""
        if self._provider is None:
            self._provider = _credentials(self._environ)
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=self._provider,
            region=self._region,
            service="lambda",
            date=datetime.now(UTC) + self._skew,
            signed_body_value=hashlib.sha256(
                request.body
            ).hexdigest(),  # else the library reads the body through Python
        )
        native = http.HttpRequest(request.method, request.target, http.HttpHeaders(request.headers))
        try:
            await result_of(_auth.aws_sign_request(native, config))
        except (exceptions.AwsCrtError, RuntimeError) as error:  # the latter from Identity Center
            self._provider = None
            raise BackendError(_NO_CREDENTIALS.format(error)) from error
        request.headers = list(native.headers)

    def learn(self, status: int, date: str | None, code: str) -> bool:
        """What a refused signature tells: that our clock is wrong, or that the credentials are old.

        Returns whether another signature may do better.
        """
        if status not in (400, 401, 403):
            return False
        if code in ("ExpiredTokenException", "ExpiredToken"):
            self._provider = None
            return True
        server = _moment(date)
        if server is None or status == 400:
            return False
        off = server - datetime.now(UTC)
        if abs(off - self._skew) < _TOLERATED_SKEW:
            return False
        self._skew = off
        return True


def _moment(date: str | None) -> datetime | None:
    from email.utils import parsedate_to_datetime  # late: it brings the whole of `email`, and clocks are rarely wrong

    try:
        moment = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _credentials(environ: Mapping[str, str]) -> Any:
    if {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= environ.keys():
        return _auth.AwsCredentialsProvider.new_environment()  # what the chain would find, without making the chain
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in environ:
        profile = profile_settings(environ)
        if "sso_session" in profile or "sso_start_url" in profile:
            return _auth.AwsCredentialsProvider.new_delegate(_IdentityCenter(environ.get("AWS_PROFILE")))
    return _auth.AwsCredentialsProvider.new_default_chain(bootstrap())


class _IdentityCenter:
    """Credentials of a profile that signs in with IAM Identity Center; refreshed when they are due."""

    def __init__(self, profile: str | None) -> None:
        try:
            from botocore.session import Session  # late: nothing in Lambda needs it  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise BackendError(
                "the profile signs in with IAM Identity Center, which needs botocore: pip install 'durable-lambda[aws]'"
            ) from error
        self._session: Any = Session(profile=profile)

    def __call__(self) -> auth.AwsCredentials:
        credentials: Any = self._session.get_credentials()
        if credentials is None:
            raise BackendError("the profile gives no credentials: run `aws sso login`")
        frozen = credentials.get_frozen_credentials()
        return auth.AwsCredentials(frozen.access_key, frozen.secret_key, frozen.token)
