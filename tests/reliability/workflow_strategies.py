"""Hypothesis strategies: workflows, and the accidents that befall them."""

from __future__ import annotations

from hypothesis import strategies as st

from reliability.accidents import Accidents, Crash
from reliability.workflows import Callback, Child, Gather, Map, Node, Step, Together, Wait

MAX_DEPTH = 3
LAST_WRITE = 25
"""Most workflows are done after fewer."""


def steps() -> st.SearchStrategy[Step]:
    plain = st.builds(Step, failures=st.integers(0, 2), is_doomed=st.booleans(), is_threaded=st.booleans())
    at_most_once = st.builds(Step, failures=st.integers(0, 2), is_at_most_once=st.just(True), is_threaded=st.booleans())
    return st.one_of(plain, at_most_once)


def waits() -> st.SearchStrategy[Wait]:
    return st.builds(Wait, st.integers(1, 86_400))


def nodes(depth: int = MAX_DEPTH, *, tasks: bool = True) -> st.SearchStrategy[Node]:
    """An operation, or several in a child context or in branches, nested to a depth; with tasks of its own or none."""
    leaves: list[st.SearchStrategy[Node]] = [
        steps(),
        waits(),
        st.builds(Callback, st.sampled_from(["success", "failure", "timeout"])),
    ]
    if tasks:
        leaves.append(st.builds(Together, st.lists(st.one_of(steps(), waits()), min_size=1, max_size=3).map(tuple)))
    if depth == 0:
        return st.one_of(leaves)
    inner = bodies(depth - 1, tasks=tasks)
    groups = [st.builds(Gather, st.lists(inner, min_size=1, max_size=3).map(tuple))] if tasks else []
    return st.one_of(
        *leaves,
        *groups,
        st.builds(Child, inner, st.booleans()),
        st.builds(Map, st.lists(inner, max_size=3).map(tuple), st.one_of(st.none(), st.integers(1, 2)), st.booleans()),
        st.builds(Callback, st.sampled_from(["success", "failure", "timeout"]), inner),
    )


def bodies(depth: int, *, tasks: bool = True) -> st.SearchStrategy[tuple[Node, ...]]:
    return st.lists(nodes(depth, tasks=tasks), max_size=3).map(tuple)


def workflows(*, tasks: bool = True) -> st.SearchStrategy[tuple[Node, ...]]:
    return st.lists(nodes(tasks=tasks), min_size=1, max_size=4).map(tuple)


def crashes() -> st.SearchStrategy[Crash]:
    return st.builds(Crash, st.integers(1, LAST_WRITE), st.booleans(), st.integers(0, 7_200))


def accidents() -> st.SearchStrategy[Accidents]:
    """Crashes one after another, and single writes that fail although the engine goes on."""
    return st.builds(
        Accidents,
        st.lists(crashes(), max_size=3).map(tuple),
        st.frozensets(st.integers(1, 2 * LAST_WRITE), max_size=3),
    )
