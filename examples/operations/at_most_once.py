"""step(at_most_once=True): better not at all than twice. A ticket with a seat on it is printed.

    $ durable run at_most_once.py:sell_ticket --event '{"seat": "B 12", "who": "Ada"}'
    ✓ print ticket  step  succeeded
    "B 12 for Ada"

A crash between a body and the moment when its outcome is stored runs the body again: usually right, if the body can be
repeated. Here each attempt is stored before its body begins, and one that a crash has cut off is not repeated: it fails
with `StepInterruptedError`, and the function decides.
"""

from dataclasses import dataclass

from durable_lambda import DurableContext, StepInterruptedError, durable_execution


@dataclass
class Sale:
    seat: str
    who: str


@durable_execution
async def sell_ticket(sale: Sale, ctx: DurableContext) -> str:
    try:
        return await ctx.step("print ticket", print_ticket, sale, at_most_once=True)
    except StepInterruptedError:
        return f"somebody has to look at the printer for {sale.seat}"


def print_ticket(sale: Sale) -> str:
    return f"{sale.seat} for {sale.who}"
