"""The zip for Lambda: small, with only what is needed in it, and it runs under the runtime client by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.environments import ROOT, clean_environment, prepare, python_of

from aws.lambda_service import REGION, LambdaService
from aws.signatures import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN
from deploy.conftest import Tool

pytestmark = pytest.mark.timeout(400)

APP = """
import sys

from durable_lambda import DurableContext, durable_execution


@durable_execution
async def handler(event: dict[str, int], ctx: DurableContext) -> list[object]:
    a = await ctx.step("a", lambda: event["a"])
    await ctx.wait("rest", 60)
    return [a, "boto3" in sys.modules, sys.modules["durable_lambda"].__file__]
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    application = folder / "application"
    application.mkdir()
    (application / "app.py").write_text(APP)
    (application / "data").mkdir()
    (application / "data" / "rates.json").write_text("{}")
    left_behind = (
        ".venv/lib/six.py",
        ".git/config",
        ".env",
        "durable.db",
        "durable.db-wal",
        "data/.aws-sam/build.toml",
    )
    for left_out in left_behind:
        (application / left_out).parent.mkdir(parents=True, exist_ok=True)
        (application / left_out).write_text("not for Lambda")
    build(application, folder / "function.zip")
    return folder / "function.zip"


def build(application: Path, target: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    script = [ROOT / "deploy" / "build_zip.py", application, target, "--python", version]
    subprocess.run([sys.executable, *script, "--architecture", "x86_64"], check=True, env=clean_environment())


@pytest.fixture
def service() -> Iterator[LambdaService]:
    with LambdaService().running() as running:
        yield running


def test_it_is_small_and_has_only_what_is_needed(package: Path) -> None:
    assert package.stat().st_size < 1_000_000
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "app.py",
        "data",
        "durable_lambda",
        "msgspec",
        "h11",
    }
    assert [name for name in names if name.startswith("data")] == ["data/rates.json"]
    of_a_laptop = ("cli", "drawing", "engine", "lint", "testing")
    assert not [name for name in names if name.startswith(tuple(f"durable_lambda/{each}/" for each in of_a_laptop))]


def test_the_same_content_gives_the_same_zip(package: Path, tmp_path: Path) -> None:
    build(package.parent / "application", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


USES_ALL = """
import sys
import durable_lambda

assert durable_lambda.__file__.startswith(sys.argv[1]), durable_lambda.__file__
for name in durable_lambda.__all__:
    getattr(durable_lambda, name)
durable_lambda.CallbackClient("http://127.0.0.1:9").send_failure
import durable_lambda.backends
"""


def test_what_the_package_exports_needs_nothing_of_what_is_left_out(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    environment = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", USES_ALL, tmp_path], env=environment, cwd=tmp_path, check=True)


def test_it_runs_by_itself_under_the_runtime_client(package: Path, service: LambdaService, tmp_path: Path) -> None:
    prepare("runtime", print)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    service.start()
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [python_of("runtime"), "-m", "awslambdaric", "app.handler"],
        cwd=tmp_path,
        env={
            **environment,
            "AWS_LAMBDA_RUNTIME_API": service.url.removeprefix("http://"),
            "AWS_ENDPOINT_URL_LAMBDA": service.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
        },
    )
    try:
        assert service.rested.wait(30)
        service.check()
        assert service.end is not None, service.failures
        a, has_boto3, file = json.loads(service.end.result)
    finally:
        process.kill()
        process.wait()
    assert (a, has_boto3) == (1, False)
    assert Path(file).is_relative_to(os.path.realpath(tmp_path))


def test_a_new_project_runs_is_tested_and_can_be_deployed(tool: Tool, tmp_path: Path) -> None:
    durable = Path(sys.executable).with_name("durable")
    subprocess.run([durable, "init", "greeting"], cwd=tmp_path, check=True, capture_output=True)
    project = tmp_path / "greeting"
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--strict-markers"],
        cwd=project,
        check=True,
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert "4 passed" in tested.stdout
    subprocess.run([durable, "lint"], cwd=project, check=True, capture_output=True)
    assert "durable.db" in (project / ".gitignore").read_text()
    tool("cfn-lint", "--region", "eu-west-1", "--", project / "template.yaml")
    assert "is a valid SAM Template" in tool("sam", "validate", "--lint", "--template", project / "template.yaml")
    again = subprocess.run([durable, "init", "greeting"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert again.returncode == 2
    assert "nothing was written" in again.stderr
