"""Durable functions: ordinary Python functions whose progress survives crashes, deploys and waits of up to a year."""
