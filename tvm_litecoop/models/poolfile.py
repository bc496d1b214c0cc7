"""`pool.toml`: a pool as a file. Owns its errors: the line, the key, and what is valid there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tvm_litecoop.errors import ConfigError, LiteCoOpError, last_line
from tvm_litecoop.models import providers
from tvm_litecoop.models.base import Member
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.pool import RESERVE
from tvm_litecoop.models.settings import BudgetSettings, MemberSettings, PoolFile, PoolSettings
from tvm_litecoop.models.turns import Prices

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KEY_FROM = 20
"""Characters from which on a name with small letters and digits, as `gsk_...` or `hf_...`, is rather a key."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODELS = ("openai", "huggingface")
_TABLES: dict[str, type[Any]] = {"member": MemberSettings, "pool": PoolSettings, "budget": BudgetSettings}


@dataclass(frozen=True)
class Loaded:
    """What a pool is made of."""

    members: list[Member]
    limits: Limits
    prices: Prices
    slow_share: float


def load(file: Path) -> Loaded:
    """Read a pool file.

    Raises:
        ConfigError: One line: file, line, key, and the valid choices.
    """
    found = read(file)
    return Loaded(
        [_member(settings) for settings in found.member],
        Limits(**found.budget.model_dump()),
        Prices(usd_per_hour=found.pool.usd_per_hour),
        found.pool.slow_share,
    )


def read(file: Path) -> PoolFile:
    """The settings of a pool file, checked but not yet made into members."""
    try:
        text = file.read_text("utf-8")
        found = PoolFile.model_validate(tomllib.loads(text))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", "name a pool file; the README has an example") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is no text in UTF-8", "name a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}", "mend the TOML") from None
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # a typo explains what is missing
        place = _line(text, first["loc"])
        where = f"{file}, line {place}" if place else str(file)
        name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        raise ConfigError(f"{where}: {name}: {first['msg']}", _choices(first)) from None
    for number, settings in enumerate(found.member):
        taken = [one.name for one in found.member[:number]]
        for key, wrong, hint in (*_wrong(settings, taken), *_unlimited(settings, found.budget)):
            raise ConfigError(f"{file}, line {_line(text, ('member', number, key))}: {key}: {wrong}", hint)
    return found


def _wrong(settings: MemberSettings, taken: list[str]) -> Iterator[tuple[str, str, str]]:
    """Key, fault and hint of what one table alone, or beside those before it, cannot be."""
    if settings.provider not in providers.provider_names():
        choices = ", ".join(providers.provider_names())
        yield "provider", f"unknown provider {settings.provider!r}", f"choose from {choices}"
    if settings.name in taken:
        yield "name", f"two members are called {settings.name!r}", f"choose another one than {', '.join(taken)}"
    if settings.name == RESERVE:
        yield "name", f"no member can be called {RESERVE!r}", "choose another name"
    if settings.provider in providers.FREE and settings.name != settings.provider:
        yield (
            "name",
            f"{settings.provider} is called {settings.name!r}",
            f"a free member keeps its name: {settings.provider}",
        )
    if settings.name in providers.FREE and settings.name != settings.provider:
        yield "name", f"{settings.name!r} is the name of a free member", "choose another name"
    if "@" in settings.base_url.rpartition("://")[2].partition("/")[0]:  # likely a password: not repeated
        yield "base_url", "no address with a password in it", "put a key in the environment, and name it in api_key_env"
    if settings.base_url and not settings.base_url.startswith(("http://", "https://")):
        yield "base_url", f"{settings.base_url!r} is no address", "begin with http:// or https://"
    if settings.path and not _exists(settings.path):
        yield "path", f"there is no {settings.path}", "name a directory or file with the model's weights"
    if settings.api_key_env and not _names_a_variable(settings.api_key_env):  # likely the key itself: not repeated
        yield "api_key_env", "no name of an environment variable", "put the key in one, and name that one here"
    if settings.provider in _MODELS and "params" not in settings.model_fields_set:
        yield "params", f"nobody knows how large {settings.name} is", "add its parameter count; an estimate will do"


def _names_a_variable(text: str) -> bool:
    """Whether a text can name an environment variable, and looks like it where there is none of that name."""
    long = len(text) >= KEY_FROM and any(c.islower() for c in text) and any(c.isdigit() for c in text)
    return bool(_VARIABLE.fullmatch(text)) and (text in os.environ or not long)


def _unlimited(settings: MemberSettings, budget: BudgetSettings) -> Iterator[tuple[str, str, str]]:
    """A budget in dollars that a member would never use up, although its server, which wants a key, may bill it."""
    unpriced = sorted({"usd_per_mtok_in", "usd_per_mtok_out"} - settings.model_fields_set)
    if budget.usd is not None and settings.provider == "openai" and settings.api_key_env and unpriced:
        hint = f"add {' and '.join(unpriced)}, 0 where nobody bills it"
        yield unpriced[0], f"a budget in dollars needs the prices of {settings.name}", hint


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError):  # a name too long, a directory not to be entered, a user nobody knows
        return False


def _member(settings: MemberSettings) -> Member:
    make = providers.provider(settings.provider)
    assert make is not None  # `read` has looked
    try:
        return make(settings)
    except LiteCoOpError:
        raise
    except Exception as error:  # the code of another package
        why = f"the provider {settings.provider!r} fails on {settings.name}: {last_line(error)}"
        raise ConfigError(why, "see what it wants of a [[member]]") from None


def _choices(error: Any) -> str:
    table = _TABLES.get(str(error["loc"][0]))
    if error["type"] == "extra_forbidden":
        return f"known keys: {', '.join(table.model_fields if table else _TABLES)}"
    if error["type"] == "missing":
        return "add it"
    if "api_key" in str(error["loc"][-1]):
        return "put the key in an environment variable, and name that one here"
    given = error["input"]
    return f"it is {given!r}" if isinstance(given, (int, float, str)) else "see the README for an example"


def _line(text: str, loc: tuple[Any, ...]) -> int:
    """The line a key is on, or its table begins on; 0 where there is none. TOML parsers do not tell."""
    table, number = str(loc[0]), next((part for part in loc if isinstance(part, int)), 0)
    header = re.compile(rf"\s*\[{{1,2}}\s*{re.escape(table)}\s*\]{{1,2}}")
    key = re.compile(rf"\s*[\"']?{re.escape(str(loc[-1]))}[\"']?\s*=")
    begins, count = 0, -1
    for line_number, line in enumerate(text.splitlines(), 1):
        if header.match(line):
            count += 1
            begins = line_number if count == number else begins
        elif count == number and line.lstrip().startswith("["):
            break
        elif (count == number and key.match(line)) or (len(loc) == 1 and key.match(line)):
            return line_number
    return begins
