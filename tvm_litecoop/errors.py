"""Every exception this package raises on purpose, and the one line that is shown of those of others.

```
LiteCoOpError
 ├── ConfigError      a setting that cannot be used
 ├── WorkloadError    an unknown workload, or a shape it cannot have
 ├── TargetError      a target TVM does not know, or one that lacks a fact we need
 ├── WorkDirError     a work directory that cannot be written or read
 ├── VersionError     apache-tvm and apache-tvm-ffi that crash together
 ├── SearchError      the search was driven out of order, or there is nothing to search
 └── Interrupted      the user asked a run to stop
```

A bad answer of a model is not an exception: it is a value, `values.Rejection`.
"""

from __future__ import annotations


class LiteCoOpError(Exception):
    """A fault the user can mend.

    Args:
        message: What is wrong and where, in one line.
        hint: How to mend it, in one line; printed after the message.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint


class ConfigError(LiteCoOpError):
    """A setting that cannot be used."""


class WorkloadError(LiteCoOpError):
    """An unknown workload, or a shape it cannot have."""


class TargetError(LiteCoOpError):
    """A target TVM does not know, or one that lacks a fact we need."""


class WorkDirError(LiteCoOpError):
    """A work directory that cannot be written or read."""


class VersionError(LiteCoOpError):
    """apache-tvm and apache-tvm-ffi that crash together."""


class SearchError(LiteCoOpError):
    """The search was driven out of order, or there is nothing to search."""


class Interrupted(LiteCoOpError):
    """The user asked a run to stop; everything measured so far is kept."""


def last_line(error: object) -> str:
    """The line of an error of TVM or Python, or of its text, that says what happened: a program may stand before it."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
