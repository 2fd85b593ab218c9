"""Limits of the service, each under the name that its documentation uses.

Sources: the `lambda/2015-03-31` service model (bounds of fields) and the AWS Lambda quotas page (payloads, counts).
Sizes are bytes of UTF-8, durations are whole seconds.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Text fields (service model).
MAX_OPERATION_NAME: Final = 256
MAX_OPERATION_ID: Final = 64
MAX_SUB_TYPE: Final = 32
MAX_EXECUTION_NAME: Final = 64
MAX_CLIENT_TOKEN: Final = 64
MAX_REASON: Final = 1024  # of a pause or a resumption
MAX_FUNCTION_NAME: Final = 256  # a name, a partial ARN or an ARN, with or without a qualifier
MAX_TENANT_ID: Final = 256

# Durations (service model).
MIN_WAIT_SECONDS: Final = 1
MAX_WAIT_SECONDS: Final = 31_622_400  # 366 days; a step's retry delay has the same bounds
MAX_CALLBACK_TIMEOUT_SECONDS: Final = 99_999_999
MIN_EXECUTION_TIMEOUT_SECONDS: Final = 1
MAX_EXECUTION_TIMEOUT_SECONDS: Final = 31_622_400
MAX_INVOCATION_TIMEOUT_SECONDS: Final = 900
DEFAULT_RETENTION_DAYS: Final = 14
MAX_RETENTION_DAYS: Final = 90

# Asynchronous invocations of functions that are not durable (service model of EventInvokeConfig); the highest are the
# defaults.
MAX_EVENT_RETRIES: Final = 2
MIN_EVENT_AGE_SECONDS: Final = 60
MAX_EVENT_AGE_SECONDS: Final = 21_600  # 6 hours

# Payloads (quotas).
MAX_OPERATION_PAYLOAD: Final = 1 * MIB  # STEP, CONTEXT, CHAINED_INVOKE and CALLBACK results and inputs
MAX_ERROR_OBJECT: Final = 1 * MIB
MAX_EXECUTION_PAYLOAD: Final = 6 * MIB
MAX_EVENT_PAYLOAD: Final = 1 * MIB  # the input of an asynchronous invocation
MAX_INVOCATION_RESPONSE: Final = 6 * MIB - 50  # above it the result travels in an EXECUTION checkpoint
REPLAY_CHILDREN_THRESHOLD: Final = 256 * KIB  # above it a context stores a summary and replays its children

# An execution (quotas).
MAX_OPERATIONS: Final = 3_000
MAX_EXECUTION_DATA: Final = 100 * 1000 * 1000

# A checkpoint request, as the official SDKs send it.
MAX_UPDATES_PER_CHECKPOINT: Final = 250
MAX_CHECKPOINT_BYTES: Final = 750 * 1000

CLIENT_TOKEN_SECONDS: Final = 900
"""How long a request with the same client token is the same request."""

# Pages of state and history.
DEFAULT_PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 1_000
