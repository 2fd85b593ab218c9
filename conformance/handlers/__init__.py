"""Handlers for the public conformance tests: one module a suite, one handler a requirement, in this project's words."""
