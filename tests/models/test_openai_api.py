"""What the provider `openai` sends, to whom, how it asks for structure, and what it books."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import KEY, KEY_ENV, Remote
from loopback import Asked, Deed, Handler, Loopback, answer, completion, fails, helps, says, sends

from toy import ToySpace
from tvm_litecoop.models import openai_api
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.values import Program


def refuses_unless(allowed: list[str]) -> Deed:
    """A server that answers only some kinds of `response_format`; `text` is none at all."""

    def deed(handler: Handler, asked: Asked) -> None:
        form = asked.body.get("response_format", {}).get("type", "text")
        (helps if form in allowed else fails(400, f"response_format {form} is not supported"))(handler, asked)

    return deed


def forms(server: Loopback) -> list[str]:
    return [asked.body.get("response_format", {}).get("type", "text") for asked in server.asked]


def test_the_key_goes_to_its_server_and_the_environment_stays_at_home(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-the-user")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Own: of-the-user\nAuthorization: Bearer of-the-user")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with Loopback(helps) as server:
        assert not remote.search(server.url).faults
        assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
        open_from = len(server.asked)
        assert not remote.search(server.url, api_key_env="").faults
    assert all("authorization" not in asked.headers for asked in server.asked[open_from:])
    assert not [asked for asked in server.asked if "of-the-user" in str(asked.headers)]


def test_two_members_keep_their_own_keys(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITECOOP_TEST_OTHER", "other-key")
    with Loopback(says(answer(["d0=0"], next="second"))) as one, Loopback(says(answer(["d1=1"], next="remote"))) as two:
        second = MemberSettings(
            name="second", provider="openai", base_url=two.url, api_key_env="LITECOOP_TEST_OTHER", model="m2"
        )
        remote.pool(one.url, 12, second)
    assert one.asked and {asked.headers["authorization"] for asked in one.asked} == {f"Bearer {KEY}"}
    assert two.asked and {asked.headers["authorization"] for asked in two.asked} == {"Bearer other-key"}
    assert {asked.body["model"] for asked in two.asked} == {"m2"}


def test_the_request_has_the_schema_of_the_menu_and_the_settings_of_the_member(remote: Remote) -> None:
    with Loopback(helps) as server:
        remote.search(server.url, model="org/model", max_tokens=99, temperature=0.5, extra={"top_k": 3})
    body = server.asked[0].body
    assert (body["model"], body["max_tokens"], body["temperature"], body["top_k"]) == ("org/model", 99, 0.5, 3)
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["next"]["enum"] == ["remote", "walker"]
    assert "d0|d1|d2" in str(schema["properties"]["alternatives"])
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("allowed", "tried"), [(["json_object", "text"], ["json_schema", "json_object"]),
                           (["text"], ["json_schema", "json_object", "text"])],
)  # fmt: skip
def test_a_server_without_structured_output_is_asked_the_next_way_and_it_is_remembered(
    remote: Remote, allowed: list[str], tried: list[str]
) -> None:
    with Loopback(refuses_unless(allowed)) as server:
        stats = remote.search(server.url, count=12, concurrency=1)
    assert not stats.faults and stats.trials
    assert forms(server)[: len(tried)] == tried and set(forms(server)[len(tried) :]) <= {tried[-1]}


def test_a_request_that_is_refused_in_every_form_is_a_fault_and_no_form_is_given_up(remote: Remote) -> None:
    with Loopback(fails(400, "context length exceeded")) as server:
        stats = remote.search(server.url, concurrency=1)
    assert stats.faults == {"refused request": stats.calls}
    assert forms(server) == ["json_schema", "json_object", "text"] * stats.calls


def test_a_model_that_wants_the_other_name_of_the_length_gets_it(remote: Remote) -> None:
    def deed(handler: Handler, asked: Asked) -> None:
        wrong = fails(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        (wrong if "max_tokens" in asked.body else helps)(handler, asked)

    with Loopback(deed) as server:
        stats = remote.search(server.url, concurrency=1)
    assert not stats.faults and set(forms(server)) == {"json_schema"}
    assert ["max_tokens" in asked.body for asked in server.asked].count(True) == 1


def test_no_more_calls_at_a_time_than_the_strictest_member_of_a_server_allows(remote: Remote) -> None:
    with Loopback(says(answer(["d0=0"], next="second"), after_s=0.05)) as server:
        second = MemberSettings(name="second", provider="openai", base_url=f"{server.url}/", concurrency=2)
        pool = remote.pool(server.url, 16, second, concurrency=2)
        assert 1 <= server.most_at_once <= 2
        assert pool.stats["remote"].answers + pool.stats["second"].answers == len(server.asked)


def test_tokens_and_dollars_are_what_the_server_counted(remote: Remote) -> None:
    with Loopback(says(answer(["d0=0"]), (1000, 200))) as server:
        stats = remote.search(server.url, usd_per_mtok_in=2.0, usd_per_mtok_out=10.0)
    assert stats.answers == len(server.asked) > 0
    assert (stats.tokens_in, stats.tokens_out) == (1000 * stats.answers, 200 * stats.answers)
    assert stats.usd == pytest.approx(stats.answers * (1000 * 2 + 200 * 10) / 1e6)


def test_a_server_whose_model_knows_no_system_is_asked_in_one_turn(remote: Remote) -> None:
    def deed(handler: Handler, asked: Asked) -> None:
        known = all(turn["role"] == "user" for turn in asked.body["messages"])
        (helps if known else fails(400, "System role not supported"))(handler, asked)

    with Loopback(deed) as server:
        stats = remote.search(server.url, answers=2)
    refused = sum(len(asked.body["messages"]) > 1 for asked in server.asked)
    assert not stats.faults and refused >= 3 and refused < len(server.asked)


def test_what_a_server_counts_backwards_or_not_at_all_is_estimated(remote: Remote) -> None:
    without = completion(answer(["d1=0"])).replace(b'"usage"', b'"unusual"')
    with Loopback(says(answer(["d0=0"]), (-5, -5)), lambda handler, asked: handler.send(200, without)) as server:
        stats = remote.search(server.url, answers=2, usd_per_mtok_in=2.0)
    prompts = [sum(len(turn["content"]) for turn in asked.body["messages"]) for asked in server.asked]
    assert stats.answers == len(prompts) > 1 and stats.tokens_in == sum(length // 4 for length in prompts)
    assert stats.tokens_out > 0 and stats.usd == pytest.approx(stats.tokens_in * 2e-6)


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        ({"prompt_tokens": 100, "completion_tokens": None}, None),
        ({"total_tokens": 2000}, 2000),
        ({"total_tokens": 1}, 1),
    ],
)
def test_what_a_server_counts_in_part_is_estimated_for_the_rest(
    remote: Remote, usage: dict[str, object], total: int | None
) -> None:
    text = answer(["d0=0"])
    body = json.loads(completion(text)) | {"usage": usage}
    with Loopback(sends(json.dumps(body).encode())) as server:
        stats = remote.search(server.url)
    n = stats.answers
    assert n >= 1
    if total is None:
        assert (stats.tokens_in, stats.tokens_out) == (100 * n, len(text) // 4 * n)
    elif total == 2000:
        assert stats.tokens_in + stats.tokens_out == 2000 * n and stats.tokens_out < 2000 * n
    else:  # a server that cannot count
        assert (stats.tokens_in, stats.tokens_out) == (n, len(text) // 4 * n)


def test_calls_that_learn_the_other_name_together_keep_their_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    together = threading.Barrier(3)

    def deed(handler: Handler, asked: Asked) -> None:
        if "max_tokens" not in asked.body:
            return helps(handler, asked)
        together.wait(60)
        fails(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")(handler, asked)

    with Loopback(deed) as server:
        settings = MemberSettings(name="m", provider="openai", base_url=server.url, api_key_env=KEY_ENV)
        member, view = openai_api.member(settings), ToySpace().view(Program(0, (3, 3, 3)))
        calls = [member.ask(view, k, 1) for k in (1, 2, 3)]
        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda call: call(), calls))
    assert not any(answer.fault for answer in answers)
    assert forms(server) == ["json_schema"] * 6


def test_an_answer_that_is_cut_off_is_said_once(remote: Remote) -> None:
    cut = completion('{"reason": "too lo').replace(b'"stop"', b'"length"')
    with Loopback(lambda handler, asked: handler.send(200, cut)) as server:
        stats = remote.search(server.url, answers=4, model="thinker", max_tokens=20)
    assert not stats.trials
    cut_off, useless = remote.log.warnings()
    assert cut_off == "an answer of thinker was cut off: raise its max_tokens, 20"
    assert useless.startswith("remote: nothing can be used of 4 answers in a row, it is asked less: malformed: ")


def test_thoughts_that_only_the_total_counts_are_paid_for(remote: Remote) -> None:
    body = completion(answer(["d0=0"]), (32, 1)).replace(b'"total_tokens": 33', b'"total_tokens": 399')
    with Loopback(lambda handler, asked: handler.send(200, body)) as server:
        stats = remote.search(server.url)
    assert stats.answers and (stats.tokens_in, stats.tokens_out) == (32 * stats.answers, 367 * stats.answers)


def test_an_answer_in_parts_is_one_text(remote: Remote) -> None:
    text = answer(["d0=0", "d1=2", "d2=1"])
    parts = [{"type": "text", "text": text[:20]}, {"type": "text", "text": text[20:]}, {"type": "image"}]
    body = completion("TEXT").replace(b'"TEXT"', json.dumps(parts).encode())
    with Loopback(lambda handler, asked: handler.send(200, body)) as server:
        stats = remote.search(server.url)
    assert stats.trials >= 1 and not stats.rejections["malformed"]


def test_the_key_of_a_server_that_takes_any_key_does_not_eat_answers(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITECOOP_TEST_DUMMY", "d")
    with Loopback(helps) as server:
        stats = remote.search(server.url, api_key_env="LITECOOP_TEST_DUMMY")
    assert stats.answers >= 1 and set(stats.rejections) <= {"duplicate"}
