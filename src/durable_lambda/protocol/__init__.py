"""The wire, and nothing but: what crosses it, its limits and its errors. No I/O, no policy.

The engine and the SDK are both written against this package and never against each other.
"""
