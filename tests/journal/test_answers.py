"""What was paid for is not paid for twice: answers by question, in the next process too."""

from __future__ import annotations

from pathlib import Path

from models.loopback import Loopback, answer, says
from toy import ToySpace
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.journal.journal import Journal, Subject
from tvm_litecoop.models import openai_api
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.search.loop import Search


def first_answer(folder: Path, url: str, **settings: object) -> tuple[MemberStats, float]:
    """The statistics of a remote member after its first answer in a new process, and the tokens spent."""
    member = openai_api.member(
        MemberSettings.model_validate({"name": "remote", "provider": "openai", "base_url": url, **settings})
    )
    pool, journal = Pool([member]), Journal(folder)
    book = journal.begin(Subject("toy", {}, "", 7), None)
    pool.remember(journal)
    search = Search(ToySpace(), pool, SearchConfig(), 7, book.keep)
    search.step()
    search.step()
    assert search._land(wait=True) or len(search.tree) > 1
    search.close(5.0)
    journal.ended(book)
    return pool.stats["remote"], pool.budget.spent("tokens")


def test_the_same_question_is_answered_from_the_journal_and_free(tmp_path: Path) -> None:
    with Loopback(says(answer(["d0=0"], ["d1=1"]), (1000, 200))) as server:
        first, spent = first_answer(tmp_path, server.url)
        asked = len(server.asked)
        assert asked >= 1 and first.cached == 0 and spent >= 1200
        again, spent = first_answer(tmp_path, server.url)
        assert len(server.asked) == asked and again.cached == again.calls and spent == 0
        assert again.proposals >= 2 and again.tokens_in == 0
        other, _ = first_answer(tmp_path, server.url, temperature=0.1)
        assert other.cached == 0 and len(server.asked) > asked


def test_the_next_process_of_a_run_that_was_killed_gets_the_answer_that_had_come(tmp_path: Path) -> None:
    with Loopback(says(answer(["d0=0"]), (1000, 200))) as server:
        member = openai_api.member(MemberSettings(name="remote", provider="openai", base_url=server.url))
        journal = Journal(tmp_path)
        journal.begin(Subject("toy", {}, "", 7), None)
        member.remember(journal)
        view = ToySpace().view(ToySpace().initial().program)  # type: ignore[union-attr]
        assert not member.ask(view, 2, 1)().cached
        journal.close()  # the process dies before the search has heard of it
        later = openai_api.member(MemberSettings(name="remote", provider="openai", base_url=server.url))
        journal.begin(Subject("toy", {}, "", 7), None)
        later.remember(journal)
        answered = later.ask(view, 2, 9)()
        assert answered.cached and answered.proposals and len(server.asked) == 1
        journal.close()
