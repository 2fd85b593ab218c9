"""`python -m harness`: starts the engine and the host, runs the suites, and tells what passed."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from aws_durable_execution_conformance_tests import app, cloudwatch, config, extensions, sam, validate
from botocore.config import Config

from harness.clients import CloudFormation, CloudWatchLogs
from harness.functions import Function, read_functions
from harness.host import FunctionHost

HERE = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION}


def main() -> int:
    """Returns 1 if a requirement is not met, or has no handler."""
    options = _options()
    os.environ.update(CREDENTIALS, AWS_EC2_METADATA_DISABLED="true")
    functions = read_functions(HERE / "conformance.yaml")
    requirements = extensions.load_extensions(config.TESTS_DIR, entry_points=[]).discover_requirements(options.suite)
    wanted = options.only or requirements
    cases = [(each, key) for each in functions.values() for key in each.requirements if key in wanted]
    cases = [(each, key) for each, key in cases if key in requirements]
    missing = [key for key in requirements if key in wanted and key not in {key for _, key in cases}]
    _do_not_wait_for_the_cloud()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        host = FunctionHost(functions)
        try:
            with _engine(Path(folder), host) as endpoint:
                results = _run(cases, requirements, host, endpoint=endpoint, folder=Path(folder), jobs=options.jobs)
        finally:
            host.close()
    for key in missing:
        print(f"none  {key}: no handler")
    passed = sum(results.values())
    print(f"{passed} of {len(cases) + len(missing)} requirements met in {time.monotonic() - began:.0f} s")
    return 0 if passed == len(cases) and not missing else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="harness", description="Run the public conformance tests")
    parser.add_argument("--suite", nargs="+", default=["all"], metavar="NAME", help="only these suites")
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these requirements")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="requirements at the same time")
    return parser.parse_args()


def _do_not_wait_for_the_cloud() -> None:
    """The suite waits for log lines to reach CloudWatch, and looks at histories every 2 s. Here both are near."""
    cloudwatch.CloudWatchLogRetriever.EVENT_POLL_TIMEOUT_SECONDS = 0.0
    cloudwatch.time = SimpleNamespace(
        sleep=lambda seconds: time.sleep(min(seconds, 0.3)), time=time.time, monotonic=time.monotonic
    )
    validate.POLL_INTERVAL_SECONDS = 0.3


@contextmanager
def _engine(folder: Path, host: FunctionHost) -> Iterator[str]:
    """`durable serve` on a free port, with the host's functions."""
    listed = {
        name: {"DurableConfig": {"ExecutionTimeout": each.execution_timeout}, "Timeout": each.timeout}
        for name, each in host.functions.items()
    }
    (folder / "functions.json").write_text(json.dumps(listed))
    command = [
        str(Path(sys.executable).with_name("durable")),
        "serve",
        "--port",
        "0",
        "--db",
        str(folder / "engine.db"),
    ]
    command += ["--invoke-endpoint", host.url, "--functions", str(folder / "functions.json")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        endpoint = first.rpartition(" ")[2].strip()
        if not endpoint.startswith("http"):
            raise SystemExit(f"the engine did not start: {first}{process.stderr.read()}")
        host.variables = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **CREDENTIALS,
            "AWS_ENDPOINT_URL_LAMBDA": endpoint,
            "PYTHONUNBUFFERED": "1",
        }
        with ThreadPoolExecutor(1) as drain:
            drain.submit(process.stderr.read)
            try:
                yield endpoint
            finally:
                process.terminate()


def _run(
    cases: list[tuple[Function, str]],
    requirements: dict[str, Any],
    host: FunctionHost,
    *,
    endpoint: str,
    folder: Path,
    jobs: int,
) -> dict[str, bool]:
    settings = Config(
        retries={"max_attempts": 0}, read_timeout=960, max_pool_connections=50, parameter_validation=False
    )
    lambda_client = boto3.client("lambda", endpoint_url=endpoint, region_name=REGION, config=settings)
    names = CloudFormation(host.functions)
    clients = {"lambda": lambda_client, "cloudformation": names, "logs": CloudWatchLogs(host.logs)}
    invoker = sam.Invoker(stack_name="offline", region=REGION, lambda_client=lambda_client, cfn_client=names)
    arguments = SimpleNamespace(region=REGION, language="python", history_dir=str(folder / "histories"))

    def run(case: tuple[Function, str]) -> Any:
        return app._validate_test_description(
            case[0].name,
            case[1],
            requirements=requirements,
            invoker=invoker,
            tmp_dir=str(folder),
            args=arguments,
            aws_clients=clients,
        )

    results: dict[str, bool] = {}
    with redirect_stdout(io.StringIO()), ThreadPoolExecutor(jobs) as pool:
        for (function, key), result in zip(cases, pool.map(run, cases), strict=True):
            results[key] = result.passed
            print(f"{'met ' if result.passed else 'NOT '}  {key:6} {function.name}", file=sys.__stdout__, flush=True)
            for error in result.errors[:5]:
                print(f"        {error}", file=sys.__stdout__)
    return results


if __name__ == "__main__":
    sys.exit(main())
