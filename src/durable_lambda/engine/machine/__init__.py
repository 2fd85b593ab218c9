"""The service's rules, pure: no I/O, no clock, no randomness of its own.

`decide_…` functions judge a command against an `ExecutionState` at a moment and give back changes, or raise the
service's error; `ExecutionState.apply` folds them in. A change is a record (`records`), and an execution's log of
records is all that is stored of it. A new operation type is a module here with its records and its `decide`, a line in
`checkpoint.RULES` and one in `log.AnyRecord`.
"""
