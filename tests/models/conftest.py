"""Fixtures of the members' tests."""

from harness import remote

__all__ = ["remote"]
