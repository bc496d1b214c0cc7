"""TVM's settings for a build: the present ones and one more switch."""

from __future__ import annotations

from typing import Any

import tvm


def present_with(switch: str) -> Any:
    """The present PassContext with one switch more turned on, to be entered.

    Instruments are left out: entered twice, they would lose what they have seen.
    """
    present = tvm.transform.PassContext.current()
    return tvm.transform.PassContext(
        opt_level=present.opt_level,
        required_pass=list(present.required_pass),
        disabled_pass=list(present.disabled_pass),
        config={**present.config, switch: True},
    )
