"""`durable init`: a new project that runs, is tested and can be deployed as it is written.

Its files stand in `project/`, each under its name with `.txt` after it, so that nothing here takes them for its own.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from durable_lambda.cli.failure import CommandError
from durable_lambda.cli.output import print_lines

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def init_command(folder: Path) -> None:
    """Write the project into a folder, which is made. Nothing that is there is overwritten."""
    name = folder.resolve().name
    if not _NAME.fullmatch(name):
        raise CommandError(f"the folder's name {name!r} becomes the function's: 1 to 64 letters, digits, '-' and '_'")
    texts = {
        source.name.removesuffix(".txt"): Template(source.read_text(encoding="utf-8")).safe_substitute(name=name)
        for source in sorted(files("durable_lambda.cli").joinpath("project").iterdir(), key=lambda each: each.name)
        if source.name.endswith(".txt")
    }
    there = [text for text in texts if (folder / text).exists()]
    if there:
        raise CommandError(f"{folder} has {', '.join(there)} already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from error
    print_lines(*(str(folder / file) for file in texts), "", "Read README.md there, or run it at once:")
    print_lines(f"  cd {folder}", "  durable run app.py:handler --event @event.json --name first")
