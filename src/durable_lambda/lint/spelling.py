"""How the dotted path of something outside of the file is spelled, so that a rule knows one spelling of each.

A path object is `pathlib.Path()` whichever way it was made, a set type is `builtins.set()`, and what the SDK exports is
in `durable_lambda` itself, wherever in the package it was imported from.
"""

from __future__ import annotations

from typing import Final

from durable_lambda.lint.values import UNKNOWN, Class, Context, External, Instance, Value, Values
from durable_lambda.lint.vocabulary import CONTEXTS, in_package

_PATHS: Final = {"pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath", "anyio.Path"}
_KEEPS_PATH: Final = {"parent", "joinpath()", "with_name()", "with_suffix()", "resolve()", "absolute()", "expanduser()"}
_SET_TYPES: Final = {
    f"{module}.{name}": "builtins.set()"
    for module in ("typing", "collections.abc")
    for name in ("Set", "AbstractSet", "MutableSet", "FrozenSet")
}


def external(path: str) -> External:
    """A path in the spelling that rules know it by."""
    name = in_package(path.removesuffix("()"))
    if name is not None:
        path = f"durable_lambda.{name}" + ("()" if path.endswith("()") else "")
    for known in _PATHS:
        if path == f"{known}()" or path in (f"{known}.cwd()", f"{known}.home()"):
            return External("pathlib.Path()")
    head, separator, tail = path.partition("pathlib.Path().")
    return External("pathlib.Path()") if separator and not head and tail in _KEEPS_PATH else External(path)


def item(value: Value | None, place: int) -> Values:
    return (External(f"{value.path}[{place}]"),) if isinstance(value, External) else UNKNOWN


def instance_of(value: Value | None) -> Values:
    match value:
        case External(path):
            name = in_package(path)
            if name in CONTEXTS:
                return (Context(CONTEXTS[name]),)
            return (External(_SET_TYPES[path]),) if path in _SET_TYPES else (external(f"{path}()"),)
        case Class(node):
            return (Instance(node),)
        case _:
            return UNKNOWN
