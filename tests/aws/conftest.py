"""A Lambda service for each test, and the environment that it gives to a function."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aws.lambda_service import REGION, LambdaService
from aws.signatures import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN
from aws.tls import Certificate, make_certificate


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that says nothing of AWS, nor of a proxy."""
    for name in [
        name for name in os.environ if name.startswith(("AWS_", "_X_AMZN")) or name.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def keys(no_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and a region, as Lambda gives them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)
    monkeypatch.setenv("AWS_REGION", REGION)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def service() -> Iterator[LambdaService]:
    """A server without TLS, as those on a developer's machine are."""
    with LambdaService().running() as running:
        yield running


@pytest.fixture
def secure_service(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaService]:
    """A server with TLS, as AWS is."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.path))
    with LambdaService(tls=certificate.context()).running() as running:
        yield running
