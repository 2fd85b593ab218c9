"""The command line, in a folder that has an application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from command import APP, Cli


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    (tmp_path / "app.py").write_text(APP)
    runner = Cli(tmp_path)
    yield runner
    runner.close()
