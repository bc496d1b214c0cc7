"""The file of the journal: nothing that was written is lost, nothing that was not written is believed."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from toy import Scripted, ToySpace, toy_seconds
from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal import certified, salvage
from tvm_litecoop.journal.book import Book
from tvm_litecoop.journal.journal import Journal, Subject
from tvm_litecoop.journal.lock import Lock
from tvm_litecoop.journal.opening import Open
from tvm_litecoop.journal.store import APPLICATION, ENDED, FILE, PAGE, Damaged, Store
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.replies import Reply
from tvm_litecoop.search.events import Started
from tvm_litecoop.search.loop import Search
from tvm_litecoop.values import Built, Measurement, Program, Proposal, Rejection, SetDecision
from tvm_litecoop.view import View

SUBJECT = Subject("toy", {"settings": "default"}, "walker", 7)


def change(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
    rng = seeds.rng(seed, "toy")
    return [Proposal((SetDecision(s.name, rng.choice(list(s.domain))),)) for s in rng.choices(view.sketch.sites, k=k)]


def tuned(folder: Path, batches: int, *, end: bool = True, journal: Journal | None = None) -> Search:
    """A toy search with a journal, measured for so many batches."""
    journal = journal or Journal(folder)
    book = journal.begin(SUBJECT, None)
    pool = Pool([Scripted("walker", change)])
    search = Search(ToySpace(5, 6), pool, SearchConfig(), book.seed, book.keep, book.past)
    for _ in range(batches):
        search.tell([Measurement(n.id, toy_seconds(n.built.program), "", (0.1, 0.2)) for n in search.ask(6)])
    if end:
        journal.ended(book)
    else:
        journal.close()
    return search


def only(journal: Journal) -> Open:
    """Its one open journal."""
    [found] = journal._opened.values()
    return found


def shape(search: Search) -> list[object]:
    return [(n.parent, n.built, n.author, n.member, n.visits, n.throughput) for n in search.tree.nodes]


class Lines:
    """What was logged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        for name in ("book", "journal", "opening"):
            logger = sys.modules[f"tvm_litecoop.journal.{name}"].logger  # type: ignore[attr-defined]
            monkeypatch.setattr(logger, "warning", lambda text, *args: self.lines.append(text % args))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    return Lines(monkeypatch)


def verified(store: Store) -> int:
    """The number of events, each of which is what was written."""
    store.tasks()
    return len(list(store.rows()))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / FILE)
    run = store.add_run({})
    tasks = [store.add_task(run, name, {"a": "b"}) for name in ("first", "second")]
    for number in range(30):
        store.write(tasks[number % 2], [("kind", f'["{number}", "\u03bb"]'), ("other", "x" * 3000)])
    store.keep_call("key", "member", "answer" * 1000)
    store.close()
    again = Store(tmp_path / FILE)
    assert verified(again) == 60 and [task.identity for task in again.tasks()] == ["first", "second"]
    assert again.call("key") == "answer" * 1000 and again.call("other") is None
    again.write(tasks[0], [("kind", "[]")])
    assert verified(again) == 61
    again.close()


def test_a_run_that_was_cut_off_is_gone_on_with_and_a_finished_one_is_not(tmp_path: Path) -> None:
    whole = tuned(tmp_path / "whole", 6)
    tuned(tmp_path / "cut", 2, end=False)
    tuned(tmp_path / "cut", 3, end=False)
    cut = tuned(tmp_path / "cut", 1)
    assert cut.carried == (30, 0.0, 0.0) and shape(cut) == shape(whole)
    assert cut.pool.stats["walker"].as_json() == whole.pool.stats["walker"].as_json()
    new = tuned(tmp_path / "cut", 1)
    assert new.carried == (0, 0.0, 0.0) and new.state.trials == 6


def test_every_damaged_row_is_found_and_all_before_it_are_kept(tmp_path: Path) -> None:
    tuned(tmp_path, 4, end=False)
    with sqlite3.connect(tmp_path / FILE) as db:
        seq, body = db.execute("SELECT seq, body FROM events ORDER BY seq LIMIT 1 OFFSET 20").fetchone()
        db.execute("UPDATE events SET body = ? WHERE seq = ?", (body.replace("1", "2", 1) + " ", seq))
    db.close()
    store = Store(tmp_path / FILE)
    with pytest.raises(Damaged, match=f"event {seq} is not what was written"):
        verified(store)
    store.close()
    search = tuned(tmp_path, 0, end=False)
    assert 0 < search.state.trials < 24
    assert (tmp_path / f"{FILE}.1").exists()
    store = Store(tmp_path / FILE)
    assert verified(store) >= seq - 1
    store.close()


def test_corrupted_copies_of_a_journal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """None crashes; what is lost is on the damaged pages or behind them in the chain, and the file is kept."""
    whole = tmp_path / "whole"
    tuned(whole, 12, end=False)
    file = whole / FILE
    data, rng = file.read_bytes(), random.Random(5)
    kept = [row.seq for row in _rows(file)]
    where = _pages_of_rows(data, len(kept))
    for number in range(int(os.environ.get("LITECOOP_COPIES", "200"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        broken, touched = _corrupted(data, rng)
        (folder / FILE).write_bytes(broken)
        good = next((seq for seq in kept if where[seq] & touched), len(kept) + 1) - 1
        search = tuned(folder, 0, end=False)
        assert search.tree.root is not None
        store = Store(folder / FILE)
        count = verified(store)
        store.close()
        aside = folder / f"{FILE}.1"
        assert count >= good or (aside.exists() and aside.read_bytes()[:64] == broken[:64] and not good)
        assert count >= good, (number, count, good)
        shutil.rmtree(folder)


def test_corrupted_logs_of_a_process_that_was_killed(tmp_path: Path, lines: Lines) -> None:
    whole, rng = tmp_path / "whole", random.Random(2)
    journal = Journal(whole)
    book = journal.begin(SUBJECT, None)
    search = Search(ToySpace(5, 6), Pool([Scripted("walker", change)]), SearchConfig(), 7, book.keep)
    for _ in range(8):
        search.tell([Measurement(n.id, toy_seconds(n.built.program)) for n in search.ask(6)])
    log = f"{FILE}-wal"
    data = (whole / log).read_bytes()
    reached = []
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(whole / FILE, folder)
        broken = bytearray(data)
        broken[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / log).write_bytes(broken)
        reached.append(tuned(folder, 0, end=False).state.trials)
        assert reached[-1] == 48 or lines.lines, number
        lines.lines.clear()
    assert reached.count(48) > 40  # a page that is written again in the log is there more than once
    journal.close()


@pytest.mark.parametrize("seed", [2, 10, 30])
def test_frames_of_an_earlier_log_are_not_taken_for_pages_of_now(tmp_path: Path, seed: int) -> None:
    rng, live = random.Random(seed), tmp_path / "live"
    live.mkdir()
    store = Store(live / FILE)
    task = store.add_task(store.add_run({}), "toy", {})
    keys = [f"{rng.getrandbits(128):032x}" for _ in range(60)]
    written, known = 0, set()
    for _ in range(500):
        if rng.random() < 0.3:  # a key that is there already is written anew, and its pages are used again
            key = rng.choice(keys)
            store.keep_call(key, "member", "a" * rng.randrange(3000))
            known.add(key)
        else:
            store.write(task, [("kind", "b" * rng.choice([10, 400, 1500, 4000]))])
            written += 1
    killed = shutil.copytree(live, tmp_path / "killed")
    store.close()
    found = salvage.read(killed / FILE)
    assert (len(found.rows), found.lost, set(found.calls)) == (written, 0, known)


def _rows(file: Path) -> list[object]:
    store = Store(file)
    rows = list(store.rows())
    store.close()
    return rows


def _pages_of_rows(data: bytes, count: int) -> dict[int, set[int]]:
    """The pages that hold each event."""
    found: dict[int, set[int]] = {seq: set() for seq in range(1, count + 1)}
    pages = [(i + 1, data[i * PAGE : (i + 1) * PAGE]) for i in range(len(data) // PAGE)]
    for number, page in pages:
        for seq, values in salvage._records([page], dict(pages)):
            if len(values) == 5 and isinstance(values[1], int) and isinstance(values[2], str) and seq in found:
                found[seq].add(number)
    overflowing = {number for number, page in pages if page[:1] not in (b"\x0d", b"\x05", b"\x0a", b"S")}
    return {seq: numbers | (overflowing if not numbers else set()) for seq, numbers in found.items()}


def _corrupted(data: bytes, rng: random.Random) -> tuple[bytes, set[int]]:
    """A copy with flipped bits, cut short, or foreign; and the pages that were touched."""
    every = set(range(1, len(data) // PAGE + 2))
    kind = rng.randrange(10)
    if kind == 0:
        return rng.choice([b"", b"hello\n", rng.randbytes(5000), b"SQLite format 3\0" + rng.randbytes(4000)]), every
    if kind < 4:
        end = rng.randrange(len(data))
        return data[:end], {page for page in every if page * PAGE > end}
    broken, touched = bytearray(data), set()
    for _ in range(rng.choice([1, 1, 1, 8])):
        place = rng.randrange(len(data))
        broken[place] ^= 1 << rng.randrange(8)
        touched.add(place // PAGE + 1)
    return bytes(broken), touched


def test_a_file_of_somebody_else_is_set_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
        db.execute("INSERT INTO recipes VALUES ('soup')")
    db.close()
    assert tuned(tmp_path, 1).state.trials == 6
    with sqlite3.connect(tmp_path / f"{FILE}.1") as db:
        assert db.execute("SELECT name FROM recipes").fetchall() == [("soup",)]
    db.close()


def test_a_copy_that_cannot_be_written_leaves_the_damaged_file(
    tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned(tmp_path, 4, end=False)
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE events SET body = '[]' WHERE seq = 20")
    db.close()
    before = (tmp_path / FILE).read_bytes()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "keep_call", full)
        patched.setattr(Store, "write", full)
        assert tuned(tmp_path, 1).state.trials == 6
    assert "full; tuning goes on without it" in lines.lines[0]
    assert (tmp_path / FILE).read_bytes() == before and [file.name for file in tmp_path.glob(f"{FILE}*")] == [FILE]
    assert tuned(tmp_path, 0, end=False).state.trials > 0
    assert sorted(file.name for file in tmp_path.glob(f"{FILE}*")) == [FILE, f"{FILE}.1"]


def test_a_journal_that_cannot_be_read_at_the_end_ends_no_run(tmp_path: Path, lines: Lines) -> None:
    journal = Journal(tmp_path)
    book = journal.begin(SUBJECT, None)
    only(journal).store._db.execute("UPDATE tasks SET identity = 'another'")
    journal.ended(book)
    assert "cannot be read: task 1 is not what was written" in lines.lines[0] and not journal._opened


def test_a_full_disk_is_said_once_and_tuning_goes_on(tmp_path: Path, lines: Lines) -> None:
    journal = Journal(tmp_path)
    book = journal.begin(SUBJECT, None)
    db = only(journal).store._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages + 3}")
    search = Search(ToySpace(5, 6), Pool([Scripted("walker", change)]), SearchConfig(), 7, book.keep)
    for _ in range(5):
        search.tell([Measurement(n.id, toy_seconds(n.built.program)) for n in search.ask(6)])
    assert search.state.trials == 30
    assert len(lines.lines) == 1 and "full" in lines.lines[0] and "tuning goes on" in lines.lines[0]
    db.execute("PRAGMA max_page_count=100000")  # somebody has made room
    journal.ended(book)
    assert len(lines.lines) == 2 and "nothing is missing" in lines.lines[1]
    store = Store(tmp_path / FILE)
    assert [row.kind for row in store.rows()].count("measured") == 5
    store.close()


def test_a_database_that_another_process_holds_is_waited_for_once(tmp_path: Path, lines: Lines) -> None:
    journal = Journal(tmp_path)
    book = journal.begin(SUBJECT, None)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    search = Search(ToySpace(5, 6), Pool([Scripted("walker", change)]), SearchConfig(), 7, book.keep)
    for _ in range(3):
        search.tell([Measurement(n.id, toy_seconds(n.built.program)) for n in search.ask(6)])
    assert len(lines.lines) == 1 and "locked" in lines.lines[0]
    other.execute("ROLLBACK")
    other.close()
    journal.ended(book)
    store = Store(tmp_path / FILE)
    kinds = [row.kind for row in store.rows()]
    store.close()
    assert kinds.count("measured") == 3 and kinds[-1] == ENDED


def test_no_journal_where_none_can_be(tmp_path: Path, lines: Lines) -> None:
    (tmp_path / "file").write_text("")
    assert tuned(tmp_path / "file" / "work", 1).state.trials == 6
    (tmp_path / "work" / FILE).mkdir(parents=True)
    assert tuned(tmp_path / "work", 1).state.trials == 6
    assert len(lines.lines) == 2 and all("tuning goes on without it" in line for line in lines.lines)


def test_a_later_version_is_left_alone(tmp_path: Path, lines: Lines) -> None:
    tuned(tmp_path, 1, end=False)
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version=99")
        db.execute(f"PRAGMA application_id={APPLICATION + 99}")
    db.close()
    assert tuned(tmp_path, 1).carried == (0, 0.0, 0.0)
    assert len(lines.lines) == 1 and "version 99" in lines.lines[0] and not (tmp_path / f"{FILE}.1").exists()


HOLD = (
    "import sys; from pathlib import Path; from tvm_litecoop.journal.lock import Lock; lock = Lock(Path(sys.argv[1]));"
)


def test_a_second_process_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    script = HOLD + "print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(WorkDirError, match=f"in use by process {holder.pid}"):
            Lock(tmp_path)
        with pytest.raises(WorkDirError, match=f"in use by process {holder.pid}"):
            tuned(tmp_path, 1)
        os.kill(holder.pid, signal.SIGKILL)
    with Lock(tmp_path), Lock(tmp_path):  # of a dead process; and a process may take its own again
        other = subprocess.run([sys.executable, "-c", HOLD, str(tmp_path)], capture_output=True, text=True, check=False)
        assert f"in use by process {os.getpid()}" in other.stderr
    Lock(tmp_path).release()


def test_a_task_that_cannot_begin_stays_as_it_was(tmp_path: Path) -> None:
    done = tuned(tmp_path, 2, end=False)
    journal = Journal(tmp_path)
    journal.dropped(journal.begin(SUBJECT, None))
    assert not journal._opened
    assert shape(tuned(tmp_path, 0)) == shape(done)  # gone on with


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_does_not_have_the_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    child = os.fork()
    if not child:
        code = 0
        try:
            Lock(tmp_path)
        except WorkDirError:
            code = 7
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    lock.release()


def test_a_lock_file_that_cannot_be_written_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "write", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(OSError, match="No space left"):
            Lock(tmp_path)
    code = f"from pathlib import Path; from tvm_litecoop.journal.lock import Lock; Lock(Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_directory_that_had_no_room_is_tried_again_by_the_next_run(tmp_path: Path, lines: Lines) -> None:
    journal = Journal(tmp_path)
    with patch.object(Store, "add_run", side_effect=sqlite3.OperationalError("database or disk is full")):
        for _ in range(2):
            journal.begin(SUBJECT, None)
    assert len(lines.lines) == 1 and not journal._opened
    journal.begin_run()
    journal.ended(journal.begin(SUBJECT, None))
    assert len(lines.lines) == 1 and (tmp_path / FILE).exists()


def test_a_directory_that_was_made_again_is_locked_again(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    first = Lock(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    second = Lock(folder)
    code = f"from pathlib import Path; from tvm_litecoop.journal.lock import Lock; Lock(Path({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "is in use by process" in done.stderr
    first.release()
    second.release()


def test_answers_are_known_in_the_next_process(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.begin(SUBJECT, None)
    first.keep("k", "gpt", Reply(("a", "b"), 10, 20, 1.5))
    first.close()
    assert first.known("k") is None
    second = Journal(tmp_path)
    second.begin(SUBJECT, None)
    assert second.known("k") == Reply(("a", "b"), 10, 20, 1.5) and second.known("other") is None
    second.close()


def test_another_subject_is_not_gone_on_with(tmp_path: Path, lines: Lines) -> None:
    tuned(tmp_path, 1, end=False)
    for other, said in (
        (Subject("toy", {"settings": "paper"}, "walker", 7), "changed since the unfinished run: settings (default)"),
        (Subject("another", SUBJECT.facts, "walker", 7), "of another workload or target"),
    ):
        journal = Journal(tmp_path)
        assert not journal.begin(other, None).past
        assert len(lines.lines) == 1 and said in lines.lines.pop()
        journal.close()


def test_what_was_not_gone_on_with_does_not_come_back(tmp_path: Path, lines: Lines) -> None:
    tuned(tmp_path, 1, end=False)
    other = Subject("toy", {"settings": "paper"}, "walker", 7)
    for end in (False, True, True):
        journal = Journal(tmp_path)
        book = journal.begin(other, None)
        Search(ToySpace(), Pool([Scripted("walker", change)]), SearchConfig(), 7, book.keep, book.past)
        if end:
            journal.ended(book)
        else:
            journal.close()
    assert len(lines.lines) == 1
    journal = Journal(tmp_path)
    assert not journal.begin(SUBJECT, None).past and len(lines.lines) == 1
    journal.close()


def test_all_tasks_of_a_run_are_left_with_the_first_that_is_not_gone_on_with(tmp_path: Path, lines: Lines) -> None:
    def begin(settings: str) -> tuple[Journal, list[Book]]:
        journal = Journal(tmp_path)
        return journal, [journal.begin(Subject(name, {"settings": settings}, "", 7), None) for name in "abc"]

    journal, books = begin("default")
    for book in books:
        book.keep(Started(Built(Program(0, ()), 1), "m"))
    journal.close()  # killed
    for _ in range(2):
        journal, books = begin("paper")
        assert not any(book.past for book in books)
        for book in books:
            journal.ended(book)
    assert len(lines.lines) == 1 and "changed since the unfinished run" in lines.lines[0]


def test_the_events_of_a_task_that_is_lost_are_not_taken_for_those_of_another(tmp_path: Path, lines: Lines) -> None:
    tuned(tmp_path, 2)
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE tasks SET identity = 'somebody'")
    db.close()
    found = salvage.read(tmp_path / FILE)
    assert found.lost and not found.rows
    assert tuned(tmp_path, 1, end=False).carried == (0, 0.0, 0.0)
    assert "is damaged: task 1 is not what was written; 0 events" in lines.lines[0]
    assert tuned(tmp_path, 1).carried == (6, 0.0, 0.0)


def test_another_pool_and_another_seed_go_on_with_the_tree(tmp_path: Path, lines: Lines) -> None:
    tuned(tmp_path, 1, end=False)
    journal = Journal(tmp_path)
    book = journal.begin(Subject("toy", SUBJECT.facts, "walker and a friend", 8), None)
    assert book.past and book.seed == 7 and "the pool or its budget has changed" in lines.lines[0]
    journal.close()


def test_a_run_with_fewer_tasks_ends_those_that_it_leaves_out(tmp_path: Path) -> None:
    def begin(*names: str) -> tuple[Journal, list[Book]]:
        journal = Journal(tmp_path)
        return journal, [journal.begin(Subject(name, {}, "", 7), None) for name in names]

    journal, books = begin("a", "b", "c")
    for book in books:
        book.keep(Started(Built(Program(0, ()), 1), "m"))
    journal.close()  # killed
    for past in (1, 0):  # the first goes on with it, the second is a new run
        journal, books = begin("a", "b")
        assert [len(book.past) for book in books] == [past, past]
        for book in books:
            if not book.past:
                book.keep(Started(Built(Program(0, ()), 1), "m"))
            journal.ended(book)


def test_a_note_does_not_lose_what_a_damaged_log_holds(tmp_path: Path, lines: Lines) -> None:
    journal = Journal(tmp_path / "run")
    book = journal.begin(SUBJECT, None)
    search = Search(ToySpace(5, 6), Pool([Scripted("walker", change)]), SearchConfig(), 7, book.keep)
    for _ in range(8):
        search.tell([Measurement(n.id, toy_seconds(n.built.program)) for n in search.ask(6)])
    shutil.copytree(tmp_path / "run", tmp_path / "killed")
    journal.close()
    log = tmp_path / "killed" / f"{FILE}-wal"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    found = len(salvage.read(tmp_path / "killed" / FILE).rows)
    certified.note(tmp_path / "killed", {SUBJECT.identity: {"certified": None}})
    assert len(_rows(tmp_path / "killed" / FILE)) == found + 1
