"""Makes the zip that Lambda runs: an application's folder, this package from its wheel, and what that needs.

    python deploy/build_zip.py examples/order_processing build/orders.zip
    python deploy/build_zip.py my_app build/my_app.zip --architecture x86_64 --python 3.12

It runs on any machine: the packages are those for Lambda's. What an application itself needs stands in its
`requirements.txt`, if it has one. Hidden files, environments and executions of its folder stay behind, and so does what
of this package never runs in Lambda. The zip is the same for the same content, so that an unchanged function is not
deployed again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_OF_THE_APPLICATION = (".*", "venv", "__pycache__", "*.db", "*.db-*", "*.db.lock")
ON_A_LAPTOP = [f"durable_lambda/{part}" for part in ("cli", "drawing", "engine", "lint", "testing")]
OF_PIP = [f"*.dist-info/{name}" for name in ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json")]
LEFT_OUT = ("__pycache__", "bin", *OF_PIP, *ON_A_LAPTOP, "*.pyc", "*.pyi", "requirements.txt")
EPOCH = (1980, 1, 1, 0, 0, 0)


def build(application: Path, target: Path, *, architecture: str, python: str, package: str) -> int:
    """Make the zip; returns its size in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        content, wheels = Path(folder, "content"), Path(folder, "wheels")
        wheels.mkdir()
        requirements = [package]
        if Path(package).exists():
            run("wheel", "--no-deps", "--wheel-dir", wheels, package)
            requirements = list(map(str, wheels.glob("*.whl")))
        own = application / "requirements.txt"
        if own.exists():
            requirements += [
                line for line in own.read_text().split("\n") if line.strip() and not line.startswith("durable-lambda")
            ]
        machine = {"arm64": "aarch64"}.get(architecture, architecture)
        platforms = [f"manylinux_2_{glibc}_{machine}" for glibc in (34, 28, 17)] + [f"manylinux2014_{machine}"]
        options = [word for platform in platforms for word in ("--platform", platform)]
        run(
            *("install", "--target", content, "--python-version", python, "--implementation", "cp"),
            *("--only-binary", ":all:", *options, *requirements),
        )
        shutil.copytree(
            application, content, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_OF_THE_APPLICATION)
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        pack(content, target)
    return target.stat().st_size


def pack(content: Path, target: Path) -> None:
    """Zip a folder, in order and without times."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(content.rglob("*")):
            name = path.relative_to(content)
            if path.is_dir() or any(part.match(pattern) for pattern in LEFT_OUT for part in (name, *name.parents)):
                continue
            entry = zipfile.ZipInfo(name.as_posix(), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def run(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("application", type=Path, help="the folder with the handler")
    parser.add_argument("target", type=Path, help="the zip to write")
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    parser.add_argument("--python", default="3.13", help="the version of the runtime (default: 3.13)")
    parser.add_argument("--package", default=str(ROOT), help="this package: a folder or a requirement")
    given = parser.parse_args()
    size = build(
        given.application,
        given.target,
        architecture=given.architecture,
        python=given.python,
        package=given.package,
    )
    print(f"{given.target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
