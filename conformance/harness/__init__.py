"""Runs the public AWS Durable Execution Conformance Tests against this project's engine and SDK, without AWS.

The suite's own code judges: results, statuses, exact histories, log lines. What it is given in place of AWS is the
engine (`durable serve`), a host for the functions, and stand-ins for the two services that it asks for names and logs.
"""
