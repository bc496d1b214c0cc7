"""What an event means for the books: calls, money, hits. The same in a live run and when a journal is folded."""

from __future__ import annotations

from tvm_litecoop.models.books import Books
from tvm_litecoop.search.events import Answered, Asked, Chosen, Event, Expanded, GaveUp, HandedOver, Measured
from tvm_litecoop.search.state import State
from tvm_litecoop.values import Rejection


def book(event: Event, state: State, books: Books, *, again: bool = False) -> None:
    """Book an event.

    Args:
        event: What happens.
        state: As it is before the event.
        books: Of the pool, shared with other tasks.
        again: It is in the books already, of a run in this process that was cut off; only its time counts.
    """
    match event:
        case Chosen():
            books.has_run(event.at_s)
        case Answered() | GaveUp() if again:
            asked, answer = state.asked[event.call], event.answer if isinstance(event, Answered) else None
            books.was_called(asked.account, asked.estimate, answer, event.blocked_s)
        case _ if again:
            pass
        case Asked():
            books.count_call(event.account, event.estimate)
        case Answered():
            asked = state.asked[event.call]
            books.count_answer(asked.account, asked.estimate, event.answer, event.blocked_s, event.hidden_s)
        case GaveUp():
            asked = state.asked[event.call]
            books.count_late(asked.account, asked.estimate, event.blocked_s)
        case Expanded():
            account = state.answered[event.call][0].account
            for outcome in event.outcomes:
                if isinstance(outcome, Rejection):
                    books.reject(account, outcome)
        case HandedOver():
            books.count_escalation(event.member)
        case Measured():
            books.count_measured(len(event.results), event.took_s)
            for one in event.results:
                books.count_trial(state.tree.nodes[one.measurement.node].author, hit=one.hit, record=one.record)
