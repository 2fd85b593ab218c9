"""run_in_child_context: operations that belong together, with one result. A kitchen cooks a menu, dish by dish.

    $ durable run child_context.py:cook_menu --event '["soup", "pie"]' --skip-time
    ✓ soup  run_in_child_context  succeeded
       ✓ prepare  step  succeeded
       ✓ simmer  wait  succeeded  20 min 0 s
    ✓ pie  run_in_child_context  succeeded
    [
      "soup of 4 carrots",
      "pie of 3 apples"
    ]

The operations of a child are numbered for themselves: more of them in `cook` move nothing in `cook_menu`. A child that
is done is one recorded result; what was in it is not run again.
"""

from datetime import timedelta

from durable_lambda import DurableContext, durable_execution

INGREDIENTS = {"soup": "4 carrots", "pie": "3 apples"}


@durable_execution
async def cook_menu(dishes: list[str], ctx: DurableContext) -> list[str]:
    return [await ctx.run_in_child_context(dish, cook, dish) for dish in dishes]


async def cook(dish: str, ctx: DurableContext) -> str:
    """The context comes last; it is the child's own."""
    ingredients = await ctx.step("prepare", prepare, dish)
    await ctx.wait("simmer", timedelta(minutes=20))
    return await ctx.step("serve", serve, dish, ingredients)


async def prepare(dish: str) -> str:
    return INGREDIENTS[dish]


async def serve(dish: str, ingredients: str) -> str:
    return f"{dish} of {ingredients}"
