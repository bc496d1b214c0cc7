"""Placeholder until the version check lands."""


def check_versions() -> None:
    """Nothing yet."""
