"""Shape texts: "1x56x56x64,3x3,64,s2" read by the form "NxHxWxC,KHxKW,F[,sSTRIDE][,pPAD]".

A form is a comma-separated list of groups; a group is upper-case names joined by `x`. A group in brackets is
an option: one lower-case letter that says which, then one number. Options come last, each at most once, in
any order.
"""

from __future__ import annotations

import re

from .base import MAX_BYTES

# Two float32 arrays of a larger extent pass MAX_BYTES. Refusing it here keeps index arithmetic within TVM's
# int32.
MAX_EXTENT = MAX_BYTES // 8

_OPTION = re.compile(r"\[,([a-z])([A-Z]+)\]")
_DIGITS = re.compile(r"[0-9]+")


def read(form: str, text: str) -> dict[str, int]:
    """Reads a shape text.

    Args:
        form: The family's form, see the module's docstring.
        text: The text to read, for example "512x512x512".

    Returns:
        The numbers by their names in lower case, extents ≥ 1 and options ≥ 0; options left out are absent.

    Raises:
        ValueError: The text does not have this form; the message is one line that names the part at fault.
    """
    required = [group.split("x") for group in _OPTION.sub("", form).split(",")]
    options: dict[str, str] = dict(_OPTION.findall(form))
    groups = text.split(",")
    if len(groups) < len(required):
        raise ValueError(f"has {_count(len(groups), 'group')} of numbers, needs {len(required)} separated by ','")
    extents: dict[str, int] = {}
    for names, group in zip(required, groups, strict=False):
        words = group.split("x")
        if len(words) != len(names):
            raise ValueError(f"{group!r} has {_count(len(words), 'number')}, needs {len(names)}: {'x'.join(names)}")
        extents.update((name.lower(), _number(name, word, least=1)) for name, word in zip(names, words, strict=True))
    for group in groups[len(required) :]:
        name = options.pop(group[:1], None)
        if name is None:
            raise ValueError(f"{group!r} is one group too many, an unknown option, or an option given twice")
        extents[name.lower()] = _number(name, group[1:], least=0)
    return extents


def _number(name: str, word: str, *, least: int) -> int:
    if not _DIGITS.fullmatch(word):
        raise ValueError(f"{name} is {word!r}, which is not a whole number of {least} or more")
    digits = word.lstrip("0") or "0"
    # The length first: Python refuses to convert thousands of digits.
    if len(digits) > len(str(MAX_EXTENT)) or int(digits) > MAX_EXTENT:
        raise ValueError(f"{name} is over {MAX_EXTENT}; the arrays would need more than {MAX_BYTES >> 30} GiB")
    if int(digits) < least:
        raise ValueError(f"{name} is {int(digits)}, it must be {least} or more")
    return int(digits)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
