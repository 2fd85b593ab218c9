"""Finding the durable function that `TARGET` names, `file.py:handler` or `package.module:handler`, and its neighbours.

A file is loaded as Lambda loads it: under its stem, with its folder at the head of the import path. So the names of its
types, which are written into results and errors, are the same on a laptop and in the cloud. What cannot be loaded is
told in one line, with the line of the user's code that it stumbled over.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Final

from durable_lambda.cli.failure import CommandError, first_line
from durable_lambda.protocol.hosting import DurableFunction

DEFAULT_ATTRIBUTE: Final = "handler"
_LONGEST_NAME: Final = 64


def load_target(target: str) -> DurableFunction:
    """The durable function that a TARGET names. Raises `CommandError` with what is wrong and what there is instead."""
    place, _, attribute = target.partition(":")
    if not place:
        raise CommandError(f"TARGET {target!r} names no module; write file.py:handler or package.module:handler")
    module = _load_file(Path(place)) if _is_file(place) else _load_module(place)
    return _durable_function(module, place, attribute or DEFAULT_ATTRIBUTE)


def invocable(target: str) -> dict[str, DurableFunction]:
    """What `ctx.invoke` finds when TARGET, which is loaded, runs: the durable functions of its module, by their names.

    Raises `CommandError` where two of them have one name: nobody could say which is meant.
    """
    place = target.partition(":")[0]
    module = sys.modules[Path(place).stem if _is_file(place) else place]
    found: dict[str, DurableFunction] = {}
    attributes: dict[str, str] = {}
    for attribute, function in _durable_functions(module).items():
        known = found.setdefault(function.name, function)
        if known is not function:
            raise CommandError(
                f"{attributes[function.name]!r} and {attribute!r} in {place} are both called {function.name!r}, so "
                "ctx.invoke cannot tell them apart; give one another name with @durable_execution(name=…)"
            )
        attributes.setdefault(function.name, attribute)
    return found


def hosted_name(function: DurableFunction) -> str:
    """What the function is called in the file: the name that its decorator gives, or its module's and its own.

    Many functions are called `handler`, and those of two modules may share a file: neither may go on with what the
    other has begun.
    """
    fn = getattr(function, "fn", function)
    own_name, module = getattr(fn, "__name__", ""), getattr(fn, "__module__", "")
    of_class = type(getattr(fn, "__self__", None)).__name__  # a DurableHandler is called what its class is called
    if function.name not in (own_name, of_class) or not module:
        return function.name
    return re.sub(r"[^a-zA-Z0-9_-]", "-", f"{module}-{function.name}")[-_LONGEST_NAME:]


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise CommandError(f"the target file {path} {what}")
    name = path.stem
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path.resolve()):
        return loaded  # another function of the same file
    if loaded is not None or name in sys.builtin_module_names:
        raise CommandError(f"{path} would be loaded as {name!r}, which is the name of a module in use; rename the file")
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise CommandError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_failure(str(path), error) from error
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        if importlib.util.find_spec(name) is None:
            raise _no_module(name)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise CommandError(
                f"there is no module {error.name!r}; is the command run in its project's folder?"
            ) from error
        raise _import_failure(name, error) from error
    except CommandError:
        raise
    except (Exception, SystemExit) as error:
        raise _import_failure(name, error) from error


def _no_module(name: str) -> CommandError:
    return CommandError(f"there is no module {name!r}; is the command run in its project's folder?")


def _import_failure(place: str, error: BaseException) -> CommandError:
    """The innermost line of the user's own code in the traceback, or the line that is no Python at all."""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}, line {error.lineno}: {(error.text or '').strip()}"
        return CommandError(f"cannot import {place}: {type(error).__name__}: {error.msg} ({where})")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen")
    ]
    users = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    where = f" ({users[-1].filename}, line {users[-1].lineno}: {users[-1].line})" if users else ""
    return CommandError(f"cannot import {place}: {first_line(error)}{where}")


def _durable_functions(module: ModuleType) -> dict[str, DurableFunction]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, DurableFunction) and not isinstance(value, type)
    }


def _durable_function(module: ModuleType, place: str, attribute: str) -> DurableFunction:
    found = getattr(module, attribute, None)
    if isinstance(found, DurableFunction) and not isinstance(found, type):
        return found
    durable = _durable_functions(module)
    there = f"durable functions there: {', '.join(durable)}" if durable else "it has no durable functions"
    if found is None:
        raise CommandError(f"{place} has no {attribute!r}; {there}")
    if isinstance(found, type) and hasattr(found, "invoke"):
        raise CommandError(f"{attribute!r} in {place} is a class: use an instance of it; {there}")
    kind = type(found).__name__
    raise CommandError(
        f"{attribute!r} in {place} is a {kind}, not a durable function: decorate with @durable_execution; {there}"
    )
