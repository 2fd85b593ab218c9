"""The process of `Dockerfile.slim`."""

from app import handler

from durable_lambda import serve_lambda

if __name__ == "__main__":
    serve_lambda(handler)
