"""The API of Lambda through boto3, for callers that can wait for its import: answering callbacks, the command line.

Functions themselves do not use it; they have `durable_lambda.backends`.
"""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import urlsplit

from durable_lambda.errors import BackendError, ValidationError

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def lambda_client(endpoint_url: str | None = None, *, region: str | None = None, profile: str | None = None) -> Any:
    """A boto3 client for AWS, or for a server of the same API. A server on this machine needs no account and no region.

    Raises:
        BackendError: boto3 is not installed, or is too old to know durable functions.
        ValidationError: No region is known, there is no such profile, or the endpoint is no URL.
    """
    if endpoint_url is not None and not _is_url(endpoint_url):
        raise ValidationError(
            f"{endpoint_url!r} is no URL of a server: it begins with http:// or https://, as http://127.0.0.1:9000 does"
        )
    try:
        # late: it takes half a second, and other ways to answer a callback do without
        import boto3  # pyright: ignore[reportMissingTypeStubs]
        from botocore import UNSIGNED  # pyright: ignore[reportMissingTypeStubs]
        from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            NoRegionError,
            PartialCredentialsError,
            ProfileNotFound,
        )
    except ImportError as error:
        raise BackendError(
            "talking to AWS needs boto3: pip install 'durable-lambda[aws]' (the embedded engine is reached without)"
        ) from error
    options: dict[str, Any] = {"endpoint_url": endpoint_url}
    if endpoint_url is not None and profile is None and urlsplit(endpoint_url).hostname in _LOOPBACK:
        options |= {"region_name": region or "us-east-1", "config": Config(signature_version=UNSIGNED)}
    elif region is not None:
        options["region_name"] = region
    elif profile is None and os.environ.get("AWS_REGION"):  # what Lambda sets, and other SDKs read; boto3 does not
        options["region_name"] = os.environ["AWS_REGION"]
    try:
        session: Any = boto3.Session(profile_name=profile)
        client = session.client("lambda", **options)
    except NoRegionError as error:
        raise ValidationError(
            "no AWS region is known: set AWS_REGION, give the profile one, or name it (--region)"
        ) from error
    except (ProfileNotFound, PartialCredentialsError, ValueError) as error:
        raise ValidationError(str(error)) from error
    if not hasattr(client, "checkpoint_durable_execution"):
        raise BackendError(f"boto3 {boto3.__version__} does not know durable functions: pip install 'boto3>=1.43'")
    return client


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
