"""pool.toml: what it makes, and that every error is one line with the place, the key and what is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models import poolfile
from tvm_litecoop.models.pool import Pool

GOOD = """
# a pool
[[member]]
name = "expert"
provider = "expert"

[[member]]
name = "big"
provider = "openai"
base_url = "http://127.0.0.1:1/v1"
api_key_env = "SOME_KEY"
params = 7e10
usd_per_mtok_in = 1.75
usd_per_mtok_out = 14

[pool]
usd_per_hour = 20

[budget]
usd = 5
"""


def test_a_pool_file_makes_a_pool(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(GOOD)
    pool = Pool.from_toml(file)
    assert list(pool.members) == ["expert", "big"] and pool.largest == "big"
    assert pool.members["big"].profile.usd_per_mtok == (1.75, 14.0)
    assert pool.budget.limits.usd == 5 and pool.budget.left() == "$5.00"


@pytest.mark.parametrize(
    ("old", "new", "line", "parts"),
    [
        ("params =", "parms =", 12, ["member.parms", "known keys: name, provider, params"]),
        ("params = 7e10", 'params = "many"', 12, ["member.params", "valid number", "'many'"]),
        ("params = 7e10", "params = 0", 12, ["member.params", "greater than 0"]),
        ('name = "big"\n', "", 7, ["member.name", "required", "add it"]),
        (
            'provider = "openai"',
            'provider = "opena"',
            9,
            ["unknown provider 'opena'", "expert, mutator, surrogate, openai"],
        ),
        ('name = "big"', 'name = "expert"', 8, ["two members are called 'expert'"]),
        ('name = "big"', 'name = "reserve"', 8, ["no member can be called 'reserve'"]),
        ('name = "expert"', 'name = "sage"', 4, ["expert is called 'sage'", "keeps its name"]),
        (
            "usd_per_mtok_out = 14",
            "usd_per_mtok_out = -1",
            14,
            ["usd_per_mtok_out", "greater than or equal to 0", "-1"],
        ),
        ("usd_per_hour = 20", "per_hour = 20", 17, ["pool.per_hour", "known keys: usd_per_hour, slow_share"]),
        ("usd = 5", "usd = -5", 20, ["budget.usd", "-5"]),
        ("usd = 5", "usd = true\ncalls = 1.5", 21, ["budget.calls", "1.5"]),
        ("[budget]", "[bugdet]", 19, ["bugdet", "known keys: member, pool, budget"]),
        ("# a pool", "colour = 1", 2, ["colour", "known keys: member, pool, budget"]),
        ("usd = 5", "usd = = 5", 20, ["line 20"]),
        ("params = 7e10\n", "", 7, ["params: nobody knows how large big is", "an estimate will do"]),
        ("usd_per_mtok_in = 1.75\nusd_per_mtok_out = 14\n", "", 7, ["needs the prices of big", "0 where nobody"]),
        ("usd_per_mtok_in = 1.75\n", "", 7, ["usd_per_mtok_in: a budget", "of big (add usd_per_mtok_in, 0 where"]),
        ("usd_per_mtok_out = 14\n", "", 7, ["usd_per_mtok_out: a budget", "of big (add usd_per_mtok_out, 0 where"]),
        ('name = "big"', 'name = "mutator"', 8, ["'mutator' is the name of a free member", "another name"]),
        ("params = 7e10", "params = inf", 12, ["member.params", "finite"]),
        ("usd = 5", "usd = inf", 20, ["budget.usd", "finite"]),
    ],
)
def test_an_error_is_one_line_with_the_place_the_key_and_what_is_valid(
    tmp_path: Path, old: str, new: str, line: int, parts: list[str]
) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        Pool.from_toml(file)
    text = str(caught.value)
    assert "\n" not in text and text.startswith(str(file)) and f"line {line}" in text
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("path", "/nowhere/model", "there is no /nowhere/model"),
        ("path", "~nobody-of-that-name/model", "there is no ~nobody"),
        ("path", "x" * 300, "there is no xxx"),
        ("base_url", "nowhere:8000", "'nowhere:8000' is no address"),
    ],
)
def test_a_place_that_cannot_be_is_said_before_the_run(tmp_path: Path, key: str, value: str, wrong: str) -> None:
    file = tmp_path / "pool.toml"
    provider = "huggingface" if key == "path" else "openai"
    file.write_text(f'[[member]]\nname = "a"\nprovider = "{provider}"\n{key} = "{value}"\n')
    with pytest.raises(ConfigError, match=f"line 4: {key}: {wrong}"):
        Pool.from_toml(file)


def test_a_misspelt_table_is_named_rather_than_what_is_missing_for_it(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text('[[members]]\nname = "a"\nprovider = "expert"\n')
    with pytest.raises(ConfigError, match=r"line 1: members: .*known keys: member, pool, budget"):
        Pool.from_toml(file)


@pytest.mark.parametrize(
    "line",
    [
        'api_key_env = "sk-planted-1"',
        'api_key = "sk-planted-1"',
        'api_key_env = ["sk-planted-1"]',
        'api_key_env = "gsk_plantedABCdef0123456"',
    ],
)
def test_a_key_in_the_file_is_not_repeated(tmp_path: Path, line: str) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(GOOD.replace('api_key_env = "SOME_KEY"', line))
    with pytest.raises(ConfigError, match=r"line 11: .*api_key") as caught:
        Pool.from_toml(file)
    assert "planted" not in str(caught.value)


def test_a_table_with_a_key_in_it_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    file.write_text('[member]\nname = "a"\nprovider = "openai"\napi_key = "sk-planted-1"\n')
    with pytest.raises(ConfigError, match="member: ") as caught:
        Pool.from_toml(file)
    assert "planted" not in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing.toml: No such file .*name a pool file"):
        poolfile.load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        poolfile.load(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe[[member]]")
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        poolfile.load(binary)
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(ConfigError, match=r"member: Field required \(add it\)"):
        poolfile.load(empty)
    empty.write_text("member = []")
    with pytest.raises(ConfigError, match="line 1: member: List should have at least 1 item"):
        poolfile.load(empty)


@pytest.mark.parametrize("address", ["http://me:planted@127.0.0.1:1/v1", "me:planted@127.0.0.1:1/v1"])
def test_a_password_in_an_address_is_not_repeated(tmp_path: Path, address: str) -> None:
    file = tmp_path / "pool.toml"
    file.write_text(GOOD.replace("http://127.0.0.1:1/v1", address))
    with pytest.raises(ConfigError, match="line 10: base_url: no address with a password in it") as caught:
        Pool.from_toml(file)
    assert "planted" not in str(caught.value)


def test_a_server_of_ones_own_needs_no_prices(tmp_path: Path) -> None:
    file = tmp_path / "pool.toml"
    prices = "usd_per_mtok_in = 1.75\nusd_per_mtok_out = 14\n"
    file.write_text(GOOD.replace(prices, "").replace('api_key_env = "SOME_KEY"\n', ""))
    assert Pool.from_toml(file).members["big"].profile.usd_per_mtok == (0.0, 0.0)
