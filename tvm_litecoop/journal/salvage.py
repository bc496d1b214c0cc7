"""What can be read of a damaged journal: every record whose checksum holds, found in the pages of the file themselves.

SQLite gives up on a table at the first page that makes no sense. The pages that hold our records (leaves of tables, see
https://www.sqlite.org/fileformat2.html) can be read one by one, in the file and in its write-ahead log, and our
checksums tell what is good.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tvm_litecoop.journal.store import PAGE, Row, Store, Task, checksum

PAGES = (512, 1024)
"""Bytes of a page, of present and of earlier journals."""
LARGEST = 1 << 26
LEAF = 0x0D
WAL_HEADER, FRAME_HEADER = 32, 24
WAL_SALTS, SALTS = slice(16, 24), slice(8, 16)
"""Of the log and of a frame, which is of the present log where they are the same."""


@dataclass
class Found:
    """The good records of a damaged file: tasks, their events as far as there is no gap, answers by key.

    Attributes:
        lost: Events behind the first gap, and of tasks that are not there.
    """

    tasks: list[Task] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    calls: dict[str, tuple[str, str]] = field(default_factory=dict)
    lost: int = 0

    def write(self, store: Store) -> None:
        """Add everything to an empty store, under the same numbers."""
        store.copy(self.tasks, self.rows, self.calls)


def read(file: Path) -> Found:
    """The good records of a file, whatever was done to it.

    Raises:
        OSError: The disk does not give it.
    """
    found, chain, last = Found(), 0, 0
    events: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    tasks: dict[int, Task] = {}
    for number, values in _records(*_pages(file)):
        match values:
            case (None, int(one), str(two), str(three), int(total)):
                if total == checksum(0, one, two, three):
                    tasks[number] = Task(number, one, two, json.loads(three))
                else:
                    events[number].append((one, two, three, total))
            case (None, str(key), str(member), str(answer), int(total)):
                if total == checksum(0, key, member, answer):
                    found.calls[key] = member, answer
    while good := [one for one in events[last + 1] if checksum(chain, last + 1, *one[:3]) == one[3]]:
        task, kind, body, chain = good[0]
        last += 1
        if task in tasks:  # another one may get the number of a task that is lost
            found.rows.append(Row(last, task, kind, body))
    behind = sum(number > last and bool(candidates) for number, candidates in events.items())
    found.lost = last - len(found.rows) + behind
    found.tasks = [tasks[number] for number in sorted(tasks)]
    return found


def _pages(file: Path) -> tuple[list[bytes], dict[int, bytes]]:
    """Every page there is, and by number the newest ones.

    SQLite begins its log anew in place, so that frames of an earlier time may follow those of now, which bear the
    salts of the log's header. A page of an earlier time may hold good records still, but is none that others point to.
    """
    data = file.read_bytes()
    told = int.from_bytes(data[16:18], "big")
    bytes_of_page = told if told in PAGES else PAGE
    pages = [data[start : start + bytes_of_page] for start in range(0, len(data), bytes_of_page)]
    newest = dict(enumerate(pages, start=1))
    log = file.with_name(f"{file.name}-wal")
    content = log.read_bytes() if log.exists() else b""
    size = FRAME_HEADER + bytes_of_page
    frames = [content[start : start + size] for start in range(WAL_HEADER, len(content), size)]
    present = [frame for frame in frames if frame[SALTS] == content[WAL_SALTS]]
    if not present:  # its header may be bad, or newer than all that is there
        present = [frame for frame in frames if frame[SALTS] == frames[0][SALTS]]
    while present and not any(present[-1][4:8]):  # what was not committed
        frames.remove(present.pop())
    newest.update((int.from_bytes(frame[:4], "big"), frame[FRAME_HEADER:]) for frame in present)
    return [*pages, *(frame[FRAME_HEADER:] for frame in frames)], newest


def _records(pages: Sequence[bytes], newest: Mapping[int, bytes]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Every record on a leaf with its number; a page that makes no sense has none."""
    for page in pages:
        if page[:1] != bytes([LEAF]):
            continue
        for i in range(int.from_bytes(page[3:5], "big")):
            try:
                yield _record(page, int.from_bytes(page[8 + 2 * i : 10 + 2 * i], "big"), newest)
            except (IndexError, KeyError, ValueError):
                continue


def _record(page: bytes, at: int, pages: Mapping[int, bytes]) -> tuple[int, tuple[Any, ...]]:
    size, at = _varint(page, at)
    number, at = _varint(page, at)
    payload = page[at : at + size]
    if size > LARGEST:
        raise ValueError("no record of ours")
    most, least = len(page) - 35, (len(page) - 12) * 32 // 255 - 23  # of a record that stay on its page
    if size > most:
        local = least + (size - least) % (len(page) - 4)
        local = local if local <= most else least
        payload, following = page[at : at + local], page[at + local : at + local + 4]
        while len(payload) < size:
            more = pages[int.from_bytes(following, "big")]
            if not more[4:]:
                raise ValueError("a chain of pages ends early")
            payload, following = payload + more[4:], more[:4]
    return number, tuple(_values(payload[:size]))


def _values(payload: bytes) -> Iterator[Any]:
    end, at = _varint(payload, 0)
    kinds, data = [], end
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    for kind in kinds:
        size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind] if kind < 10 else (kind - 12) // 2
        raw = payload[data : data + size]
        data += size
        if kind >= 13 and kind % 2:
            yield raw.decode()
        elif 1 <= kind <= 6:
            yield int.from_bytes(raw, "big", signed=True)
        else:
            yield {8: 0, 9: 1}.get(kind)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(9):
        byte = data[at + i]
        if i == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("no end")
