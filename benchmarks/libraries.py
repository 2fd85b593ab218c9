"""What libraries that could sign, send or find credentials cost a cold start: `python -m benchmarks.libraries`.

Each is imported in a fresh interpreter that has the imports of a handler's file already, so that the figure is what it
adds: median milliseconds of eleven processes, and resident memory. What is not installed is left out. It is not part of
`make bench`; `docs/aws.md` has its figures and the choice that follows from them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

ROUNDS = 11

CANDIDATES = {
    "this package's backend": (
        "from durable_lambda.backends.aws import AwsBackend; AwsBackend(region='eu-west-1', endpoint_url='https://x')"
    ),
    "boto3, with its client": "import boto3; boto3.client('lambda', region_name='eu-west-1')",
    "botocore.auth": "import botocore.auth, botocore.awsrequest",
    "botocore.auth, botocore.credentials": "import botocore.auth, botocore.awsrequest, botocore.credentials",
    "awscrt (auth, http, io)": "import awscrt.auth, awscrt.http, awscrt.io",
    "aws_sdk_signers": "import aws_sdk_signers",
    "httpx": "import httpx",
    "urllib3": "import urllib3",
    "httpcore": "import httpcore",
    "h11": "import h11",
    "http.client": "import http.client",
    "ssl, the system's authorities": "import ssl; ssl.create_default_context()",
    "hmac, hashlib": "import hmac, hashlib",
}

SCRIPT = """
import json, time
from durable_lambda import DurableContext, durable_execution
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4 / 1024
before, began = resident(), time.perf_counter()
%s
print(json.dumps([(time.perf_counter() - began) * 1000, resident() - before]))
"""


def main() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    figures: dict[str, list[list[float]]] = {name: [] for name in CANDIDATES}
    for _ in range(ROUNDS):
        for name, statement in CANDIDATES.items():
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT % statement],
                env={**os.environ, **keys},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                figures[name].append(json.loads(done.stdout))
    for name, rounds in figures.items():
        if rounds:
            milliseconds, memory = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{name:<38} {milliseconds:7.1f} ms {memory:6.1f} MiB")


if __name__ == "__main__":
    main()
