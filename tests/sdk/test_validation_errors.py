"""What pydantic refuses in a body is caught as pydantic's own error, on the first run and on replay."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pydantic
import pydantic_core
import pytest

from durable_lambda import StepError
from raised import caught


class Answer(pydantic.BaseModel):
    """As of a language model, with a mistake in every field."""

    number: int
    kind: Literal["x", "y"]
    rank: int = pydantic.Field(gt=3)
    own: int
    named: int
    at: datetime
    pair: tuple[int, int]

    @pydantic.field_validator("own")
    @classmethod
    def _refuse(cls, value: int) -> int:
        raise ValueError("none of {these}")

    @pydantic.field_validator("named")
    @classmethod
    def _refuse_by_name(cls, value: int) -> int:
        raise pydantic_core.PydanticCustomError("too_named", "{value} has a {name}", {"value": value, "name": "Bob"})


WRONG: dict[str, Any] = {"number": "a", "kind": "z", "rank": 1, "own": 1, "named": 2, "at": "zz", "pair": (1, "x")}


class Secretive(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(hide_input_in_errors=True)
    number: int


def refusal(model: type[pydantic.BaseModel], value: Any) -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as refused:
        model.model_validate(value)
    return refused.value


def test_a_validation_error_tells_all_that_it_told() -> None:
    first = refusal(Answer, WRONG)
    error = caught(lambda: Answer.model_validate(WRONG))
    assert type(error) is pydantic.ValidationError
    assert str(error) == str(first)
    assert [str(each) for each in error.errors()] == [str(each) for each in first.errors()]


def test_what_was_validated_is_left_out_where_json_cannot_say_it() -> None:
    error = caught(lambda: Answer.model_validate({"number": object()}))
    assert type(error) is pydantic.ValidationError
    assert error.errors()[0]["loc"] == ("number",)
    assert "input_value" not in str(error)


def test_what_a_model_hides_in_its_errors_is_not_recorded() -> None:
    error = caught(lambda: Secretive.model_validate({"number": "my secret"}))
    assert type(error) is pydantic.ValidationError
    assert str(error) == str(refusal(Secretive, {"number": "my secret"}))
    assert "secret" not in str(error.errors())


def test_one_whose_details_cannot_be_recorded_is_told_by_its_text() -> None:
    class Odd(pydantic.BaseModel):
        number: int

        @pydantic.field_validator("number")
        @classmethod
        def _refuse(cls, value: int) -> int:
            raise pydantic_core.PydanticCustomError("odd", "too odd", {"lock": object()})

    error = caught(lambda: Odd(number=1))
    assert type(error) is StepError
    assert "too odd" in error.error_message
