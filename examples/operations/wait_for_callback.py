"""wait_for_callback: ask somebody, and wait for the answer. An expense is paid when its approver agrees.

    $ durable run wait_for_callback.py:reimburse --event '{"who": "Ada", "cents": 12900, "approver": "grace"}'

It waits, and shows the command that answers. Give it from another terminal:

    $ durable callback success ID --result '{"approved": true, "note": ""}'

and the first one ends:

    ✓ approval  wait_for_callback  succeeded
    ✓ approval create callback id  callback  succeeded
    ✓ approval submitter  step  succeeded
    "129.00 to Ada, says grace"

The callback, the step that hands out its id, and the waiting are one operation. A refusal by
`durable callback failure ID --message "…"` arrives as `CallbackExternalError`.
"""

from dataclasses import dataclass
from datetime import timedelta

from durable_lambda import CallbackExternalError, CallbackTimeoutError, DurableContext, durable_execution


@dataclass
class Expense:
    who: str
    cents: int
    approver: str


@dataclass
class Decision:
    approved: bool
    note: str


@durable_execution
async def reimburse(expense: Expense, ctx: DurableContext) -> str:
    try:
        decision = await ctx.wait_for_callback(
            "approval", ask, expense.approver, expense, timeout=timedelta(days=3), result_type=Decision
        )
    except CallbackTimeoutError:
        return f"{expense.approver} did not answer {expense.who}"
    except CallbackExternalError as error:
        return f"{expense.approver} could not decide: {error.error_message}"
    if not decision.approved:
        return f"nothing to {expense.who}: {decision.note}"
    return f"{expense.cents / 100:.2f} to {expense.who}, says {expense.approver}"


async def ask(callback_id: str, approver: str, expense: Expense) -> None:
    """A step, tried again if it fails. This is where a mail with two links would be sent."""
    assert callback_id
    assert approver != expense.who, "nobody approves for themselves"
