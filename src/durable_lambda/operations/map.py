"""`map`: one function over the items of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from durable_lambda.arguments import check_part_name, check_predicate
from durable_lambda.batch import BatchResult
from durable_lambda.completion import Completion
from durable_lambda.errors import ValidationError
from durable_lambda.operations.concurrent import Batch, Branch, BranchSpec, Nesting
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec


class MapIteration(Branch):
    __slots__ = ()
    sub_type = "MapIteration"
    verb = "item"


class Map(Batch[BatchResult[Any]]):
    """One function over the items of a list."""

    __slots__ = ("fn", "item_name", "items")

    sub_type = "Map"
    verb = "map"
    kind = "map"
    code = "MAP_FAILED"

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        items: Sequence[Any],
        fn: Callable[..., Any],
        *,
        max_concurrency: int | None,
        batch_size: int | None,
        completion: Completion | None,
        item_name: Callable[[Any, int], str] | None,
        nesting: Nesting,
        item_codec: Codec[Any] | None,
        codec: Codec[BatchResult[Any]] | None,
    ) -> None:
        super().__init__(
            scope,
            name,
            max_concurrency=max_concurrency,
            batch_size=batch_size,
            completion=completion,
            nesting=nesting,
            item_codec=item_codec,
            codec=codec,
        )
        self.items = items
        self.fn = fn
        self.item_name = item_name

    def outcome(self, batch: BatchResult[Any]) -> BatchResult[Any]:
        return batch

    def specs(self) -> list[BranchSpec]:
        items = self.items
        if not isinstance(items, Sequence) or isinstance(items, (str, bytes)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(
                f"map() takes a list of items, not {type(items).__qualname__}: the same items must be there, in the "
                "same order, every time the function runs; write list(…), sorted if it has no order of its own"
            )
        self.scope.check_code(self.fn, "map")
        name_of = self.item_name
        if name_of is None:
            return [BranchSpec(f"map-item-{index}", self.fn, (item,), MapIteration) for index, item in enumerate(items)]
        what = "item_name= of map() takes a function of an item and its index"
        check_predicate(name_of, what, 'item_name=lambda item, index: f"order-{index}"')
        specs = [BranchSpec(name_of(item, index), self.fn, (item,), MapIteration) for index, item in enumerate(items)]
        for spec in specs:
            check_part_name(spec.name, "an item of map()")
        return specs

    def prepare(self) -> None:
        super().prepare()
        if self.item_name is None:
            return
        known: dict[str, int] = {}
        for index, spec in enumerate(self._specs):
            if spec.name is None:
                continue
            first = known.setdefault(spec.name, index)
            if first != index:
                raise ValidationError(
                    f"items {first} and {index} of map() are both named {spec.name!r}: give each a name of its own, "
                    'item_name=lambda item, index: f"order-{index}"; without item_name it is map-item-<index>'
                )
