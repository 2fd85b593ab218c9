"""The linter: finds in durable code what a replay would do otherwise, from the text of a file alone.

It imports nothing of the SDK and nothing of the code that it looks at. A file goes through `scopes` (which name is
bound where), `resolver` (what it stands for) and `regions` (which functions are durable code, and which run in a step),
and then to the rules, a module for each family in `rules/`. Each file is looked at for itself: what is called in
another module is not followed, and what is not certain is not found.
"""

from __future__ import annotations

from durable_lambda.lint.check import DEFAULT, check_source
from durable_lambda.lint.finding import Finding, Rule
from durable_lambda.lint.rules import RULES

__all__ = ["DEFAULT", "RULES", "Finding", "Rule", "check_source"]
