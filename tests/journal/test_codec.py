"""Events as text and back, whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tvm_litecoop.journal.codec import KINDS, Codec
from tvm_litecoop.models.base import Answer, Fault, Usage
from tvm_litecoop.search.events import (
    Adopted,
    Answered,
    Asked,
    Chosen,
    Event,
    Expanded,
    GaveUp,
    HandedOver,
    Measured,
    Result,
    Started,
)
from tvm_litecoop.values import (
    Built,
    Measurement,
    Mutate,
    Program,
    Proposal,
    Rejection,
    Resample,
    SetDecision,
    SetSketch,
    Why,
)

numbers = st.integers(-(2**63), 2**64 - 1)
small = st.integers(0, 300)
seconds = st.floats(0, 1e6, allow_nan=False)
texts = st.text(max_size=12)
values = st.one_of(st.integers(-2, 99), st.lists(st.integers(-1, 512), min_size=1, max_size=4).map(tuple))
programs = st.builds(Program, st.integers(0, 2), st.lists(values, min_size=3, max_size=4).map(tuple))
built = st.builds(Built, programs, numbers, st.lists(texts, max_size=2).map(tuple))
edits = st.one_of(
    st.builds(SetDecision, texts, values),
    st.builds(SetSketch, small),
    st.builds(Mutate, texts, numbers),
    st.builds(Resample, small, numbers),
)
proposals = st.builds(Proposal, st.lists(edits, max_size=3).map(tuple), texts, texts)
rejections = st.builds(Rejection, st.sampled_from(Why), texts)
usages = st.builds(Usage, small, small, seconds, seconds)
answers = st.builds(
    Answer,
    st.lists(st.one_of(proposals, rejections), max_size=3).map(tuple),
    usages,
    st.one_of(st.none(), st.builds(Fault, st.sampled_from(["timeout", "rate limit"]))),
    st.booleans(),
)
measurements = st.builds(
    Measurement, small, st.one_of(st.none(), seconds), texts, st.lists(seconds, max_size=3).map(tuple)
)
results = st.builds(Result, measurements, st.booleans(), st.booleans(), st.booleans())


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Events in an order that can be: a call is asked before it is answered, and that before it is applied."""
    events: list[Event] = [Started(draw(built), draw(texts))]
    nodes = 1
    for call in range(1, draw(st.integers(1, 6))):
        node = draw(st.integers(0, nodes - 1))
        estimate = draw(st.one_of(st.none(), usages))
        events.append(Asked(call, node, draw(texts), estimate, draw(st.booleans()), draw(texts)))
        if draw(st.integers(0, 4)) == 0:
            events.append(GaveUp(call, draw(seconds)))
            continue
        events.append(Answered(call, draw(answers), draw(seconds), draw(seconds)))
        outcomes = draw(st.lists(st.one_of(built, rejections), max_size=3).map(tuple))
        new = sum(isinstance(one, Built) for one in outcomes)
        members = tuple(draw(st.lists(texts, min_size=new, max_size=new)))
        events.append(Expanded(call, outcomes, members, draw(texts)))
        nodes += new
        other = draw(
            st.one_of(
                st.builds(HandedOver, small, texts),
                st.builds(
                    Chosen,
                    st.lists(st.tuples(small, st.one_of(st.none(), seconds)), max_size=4).map(tuple),
                    st.lists(small, max_size=3).map(tuple),
                    seconds,
                    small,
                ),
                st.builds(Measured, st.lists(results, max_size=3).map(tuple), seconds),
                st.builds(
                    Adopted,
                    st.lists(st.tuples(built, seconds), max_size=2).map(tuple),
                    st.lists(numbers, max_size=3).map(tuple),
                    st.one_of(st.none(), seconds),
                    texts,
                    st.lists(st.tuples(built, seconds), max_size=2).map(tuple),
                ),
            )
        )
        events.append(other)
        nodes += len(other.programs) if isinstance(other, Adopted) else 0
    return events


@settings(max_examples=300)
@given(histories())
def test_events_survive_writing_and_reading(events: list[Event]) -> None:
    writer, reader = Codec(), Codec()
    rows = [writer.encode(event) for event in events]
    assert [reader.decode(kind, body) for kind, body in rows] == events
    assert {kind for kind, _ in rows} <= set(KINDS)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("asked", "[1]"), ("asked", "{}"), ("asked", "[1,2"), ("magic", "[]"), ("expanded", "[1,[[5]],\"\"]")],
)  # fmt: skip
def test_what_is_no_event_is_said(kind: str, body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Codec().decode(kind, body)


def test_a_program_is_written_as_its_difference() -> None:
    codec = Codec()
    root = Program(0, ((4, 8), (2, 16), 3, 1))
    child = Program(0, ((4, 8), (4, 8), 3, 1))
    codec.encode(Started(Built(root, 1), "a"))
    codec.encode(Asked(1, 0, "a"))
    codec.encode(Answered(1, Answer((Proposal((SetDecision("j", (4, 8)),)),))))
    assert codec.encode(Expanded(1, (Built(child, 2),), ("b",), "a")) == ("expanded", '[1,[[2,[1,[4,8]]]],0,"b"]')
