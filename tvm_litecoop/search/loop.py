"""START HERE: the search over one shared tree, as ask and tell.

One step reads in this order: select a node by LA-UCT, let its member propose, apply the edits, attach what survived.
`ask` makes steps until a batch of unmeasured programs is there; `tell` brings the truth back: evaluate, escalate,
back up. Between them, while kernels are built, `prepare` may make steps for the next batch. A member that may think
beside the measurement is asked early: its call flies under virtual loss and lands in a later `ask`. The search knows
neither TVM nor any language model: programs come through `search.space.Space`, proposals through `models.pool.Pool`.

Here are the decisions. What they come to is an event (`search.events`), and only events change the state
(`search.state`), the pool's books (`search.booking`) and the journal; so a journal can be folded into the same search.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.base import Fault
from tvm_litecoop.models.calls import Flight, Stopwatch
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search import batch, policy, sight
from tvm_litecoop.search.booking import book
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
    Started,
)
from tvm_litecoop.search.flights import Flights
from tvm_litecoop.search.space import Space, root_of
from tvm_litecoop.search.state import State
from tvm_litecoop.search.tree import Node, Tree
from tvm_litecoop.values import Built, Measurement, Proposal, Rejection, Why

ADOPTED = 8
"""Programs of an earlier run that a new tree starts from."""
DIGITS = 4
"""Of the seconds that are kept: a tenth of a millisecond."""


class Search:
    """The shared tree of one task.

    Args:
        space: The programs of the task.
        pool: The members that take turns; may be shared with other tasks.
        config: Settings of the search.
        seed: All randomness of this task comes from it: same seed, same tree, in any process, where all members are
            free. Where some think in the background or slowly, the times of their answers are part of the input.
        keep: Told every event, once it has happened.
        past: The events of a search that was cut off, from its first one on; it goes on from there.
        name: Of the task and its journal: what the pool's books hold of its past already is not booked again.

    Attributes:
        state: What it knows.
        carried: Of the process that was cut off.

    Raises:
        SearchError: The space has no program at all (every postproc refuses the untuned one).
    """

    def __init__(
        self,
        space: Space,
        pool: Pool,
        config: SearchConfig,
        seed: int,
        keep: Callable[[Event], None] = lambda event: None,
        past: Iterable[Event] = (),
        *,
        name: str = "",
    ) -> None:
        self.space, self.pool, self.config, self.seed = space, pool, config, seed
        self._keep, self._name, self._events = keep, name, 0
        self._flights = Flights(pool)
        self._foreseen: dict[int, float] = {}
        self._watch = Stopwatch()
        self._size_scores = policy.size_scores(pool.params)
        events = iter(past)
        started = next(events, None)
        if isinstance(started, Started):
            self.state = State(started, config)
            for event in events:
                self._apply(event)
        else:
            self.state = State(self._start(), config)
        self.pool.books.holds_no_more(name, self._events)
        self._again = list(self.state.running)  # chosen by a process that did not live to measure them
        self.carried = self.state.totals
        self._pick_up()

    @property
    def tree(self) -> Tree:
        """The nodes."""
        return self.state.tree

    @property
    def begun(self) -> int:
        """Trials, those that are being measured among them."""
        return self.state.trials + len(self.state.running) - len(self._again)

    def _start(self) -> Started:
        started = Started(root_of(self.space), self.pool.first(self.config))
        self._keep(started)
        return started

    def _pick_up(self) -> None:
        """Calls of a process that is gone: what was answered is used, the others are given up."""
        for call in list(self.state.asked):
            self._happened(GaveUp(call))
        for call in list(self.state.answered):
            self._expand(call)

    def _happened(self, event: Event) -> None:
        self._apply(event)
        self._keep(event)

    def _apply(self, event: Event) -> None:
        self._events += 1
        book(event, self.state, self.pool.books, again=self.pool.books.holds(self._name, self._events))
        self.state.apply(event)

    # ---- ask: propose until there is enough to measure -------------------------------------------------------------

    def ask(self, count: int, ahead: int = 0) -> list[Node]:
        """The next programs to measure, at most `count`; empty when nothing new can come until a `tell`.

        Args:
            count: Size of the batch.
            ahead: Size of the batch after it, for which background members begin to think now; 0 for none.
        """
        self.pool.calls.measuring(None)
        chosen, self._again = self._again[:count], self._again[count:]
        if not chosen:
            self._propose(count, ahead)
            chosen = self._choose(count)
        self._think_ahead(ahead)
        self.pool.calls.measuring(self._watch if chosen else None)
        return [self.tree.nodes[i] for i in chosen]

    def prepare(self, count: int) -> None:
        """Propose and predict for a batch of that size before this one's results are there; twice is the same as once.

        Nobody is waited for: calls that fly are expected to bring what they were asked for, and where it is the turn of
        a member that computes here, the rest is left to `ask`.
        """
        self._propose(count, wait=False)
        self._predict(list(self.state.waiting))

    def _propose(self, count: int, ahead: int = 0, *, wait: bool = True) -> None:
        self._land(wait=False)
        k = self.config.proposals_per_call
        while (needed := self._missing(count)) > (0 if wait else k * len(self._flights)):
            if not self.step(needed + ahead, wait=wait):
                return

    def _missing(self, count: int) -> int:
        """New programs until a batch can be chosen; where predictions are trusted, some for each one measured.

        Whether they are was decided with the batch before: `prepare` and `ask` must want the same of one batch.
        """
        proposed = len(self.tree) - self.state.chosen_among
        among = count * self.config.oversample if self.state.chosen_trusting else 0
        return max(count - len(self.state.waiting), among - proposed)

    def step(self, needed: int = 1, *, wait: bool = True) -> bool:
        """Expand one node, or wait for a call that flies; False when neither is possible now.

        Args:
            needed: New programs wanted soon; no more calls fly than may bring them. A slow one among them holds
                nobody up: its answer is for a later batch.
            wait: Whether the search may stand still for a member.
        """
        wanted = -(-needed // self.config.proposals_per_call)
        flying = len(self._flights)
        enough = flying >= min(self.config.in_flight, wanted) or (flying > 0 and self.pool.learns_prices(self.config))
        others = self.config.next_member == "model" and self.pool.free_member_able()
        if enough and not others:
            return wait and self._land(wait=True)
        escalated = self._escalated() if len(self._flights) < self.config.in_flight else None
        if escalated is not None:
            largest = self.pool.largest_able()
            if not (wait or self.pool.holds_nobody_up(largest)):
                return False
            self._happened(HandedOver(escalated.id, largest))
        node = escalated or policy.select(self.tree, self._size_scores, self.config)
        if node is None:
            return wait and self._land(wait=True)
        may = None if wait else self.pool.holds_nobody_up
        return self._ask_member(node, at_once=enough and escalated is None, must=escalated is not None, may=may)

    def _escalated(self) -> Node | None:
        """A parent whose next step belongs to the largest member; its width does not matter."""
        nodes = (self.tree.nodes[i] for i in self.state.escalated)
        return next((node for node in nodes if not (node.spent or node.closed)), None)

    def _ask_member(
        self, node: Node, *, at_once: bool = False, must: bool = False, may: Callable[[str], bool] | None = None
    ) -> bool:
        """Let the node's member propose; a call in the background flies under virtual loss until it lands.

        Args:
            node: The program to be changed.
            at_once: A free member acts, so that nobody waits: enough calls fly already.
            must: The node was handed over to its member.
            may: Whether a member may be asked, for anybody None; where not, the answer is False.
        """
        call = self.state.steps + 1
        stand_in = seeds.fork(self.seed, "stand-in", node.id, call)
        author = self.pool.acting(node.member, stand_in, self.config, free=at_once, must=must)
        if may is not None and not may(author):
            return False
        view = sight.view_of(self.tree, node, self.space, self.pool, self.config)
        background = self.pool.in_background(author)
        then = self._next_member("", "meanwhile", node.id, call) if background else ""
        account = self.pool.books.account(author, escalated=must)
        self._happened(Asked(call, node.id, account, self.pool.estimate(author), background, then))
        seed = seeds.fork(self.seed, "propose", node.id, call)
        flight = self.pool.start(author, view, self.config.proposals_per_call, seed)
        if background:
            self._flights.launch(call, flight)
        else:
            self._answered(call, flight)
            self._expand(call)
        return True

    def _land(self, *, wait: bool) -> bool:
        """Take in the answers that are there; with `wait` at least one, unless nothing flies."""
        landed = self._flights.landed(wait=wait)
        for call, flight in landed:
            self._answered(call, flight)
        for call, _ in landed:
            self._expand(call)
        return bool(landed)

    def _answered(self, call: int, flight: Flight) -> None:
        landed = self.pool.landed(flight)
        answer = landed.answer
        if answer.fault is not None:
            answer = replace(answer, fault=Fault(answer.fault.kind))
        self._happened(Answered(call, answer, round(landed.blocked_s, DIGITS), round(landed.hidden_s, DIGITS)))

    def _think_ahead(self, count: int) -> None:
        """Ask background members for the batch after this one while this one is measured."""
        passed: list[Node] = []  # nodes where nobody would think in the background, out of the way for a moment
        k = self.config.proposals_per_call
        for _ in range(2 * count):
            if len(self.state.waiting) + k * len(self._flights) >= count:
                break
            if len(self._flights) >= self.config.in_flight:
                break
            node = policy.select(self.tree, self._size_scores, self.config)
            if node is None:
                break
            aside = self.pool.in_background
            if not (aside(node.member) and self._ask_member(node, may=aside)):
                self.tree.hold(node)
                passed.append(node)
        for node in passed:
            self.tree.hold(node, -1)

    def _expand(self, call: int) -> None:
        """Apply the proposals of an answer, and choose who acts on what is new and who acts here next."""
        asked, answered = self.state.answered[call]
        usable = [proposal for proposal in answered.answer.proposals if isinstance(proposal, Proposal)]
        node, new = self.tree.nodes[asked.node], set[int]()
        outcomes: list[Built | Rejection] = []
        members: list[str] = []
        edited = self.space.apply(node.built.program, [proposal.edits for proposal in usable])
        for proposal, outcome in zip(usable, edited, strict=True):
            if isinstance(outcome, Built):
                if outcome.key in self.state.seen or outcome.key in new:
                    outcome = Rejection(Why.DUPLICATE)
                else:
                    members.append(self._next_member(proposal.next_member, node.id, call, len(self.tree) + len(new)))
                    new.add(outcome.key)
            outcomes.append(outcome)
        member = self._next_member("", node.id, call, len(self.tree) + len(new))
        self._happened(Expanded(call, tuple(outcomes), tuple(members), member))

    def _next_member(self, named: str, *labels: int | str) -> str:
        return self.pool.next_member(named, seeds.fork(self.seed, "member", *labels), self.config)

    # ---- choose: which of the waiting programs are measured --------------------------------------------------------

    def _choose(self, count: int) -> list[int]:
        waiting = list(self.state.waiting)
        if not waiting and not self.state.running and not self.tree.root.measured:
            waiting = [self.tree.root.id]  # a space with nothing to decide: its one program is the result
        if not waiting:
            return []
        scores = self._predict(waiting)
        self._foreseen = {}
        predicted: dict[int, float | None] = dict.fromkeys(waiting)
        predicted.update(zip(waiting, scores or (), strict=scores is not None))
        best, dropped = waiting[:count], list[int]()
        if scores is not None and self.state.trust.trusted:
            rng = seeds.rng(self.seed, "explore", len(self.tree))
            best, dropped = batch.best(waiting, scores, count, self.config, rng)
        chosen = tuple((i, predicted[i]) for i in best)
        self._happened(Chosen(chosen, tuple(dropped), self._now(), count))
        return best

    def _predict(self, waiting: Sequence[int]) -> list[float] | None:
        """What is predicted of nodes; of those that `prepare` looked at it is what was predicted then."""
        new = [i for i in waiting if i not in self._foreseen]
        scores = self.space.predict([self.tree.nodes[i].built.program for i in new]) if new else []
        if scores is None:
            return None
        self._foreseen.update(zip(new, scores, strict=True))
        return [self._foreseen[i] for i in waiting]

    def _now(self) -> float:
        return round(self.pool.books.elapsed_s, DIGITS)

    # ---- tell: the truth comes back --------------------------------------------------------------------------------

    def tell(self, measurements: Iterable[Measurement]) -> None:
        """Book what the hardware said. A second `tell` of the same node is a no-op."""
        self.pool.calls.measuring(None)
        fresh: dict[int, Measurement] = {}
        for one in measurements:
            if one.node in self.state.running:
                fresh.setdefault(one.node, one)
        if fresh:
            results = batch.judged(self.tree, fresh.values(), self.pool.is_small)
            self._happened(Measured(tuple(results), round(self._watch.reset(), DIGITS)))

    def adopt(self, known: Iterable[tuple[Built, float]], rejected: Collection[int] = ()) -> None:
        """Take over programs that were measured earlier, with their seconds; none is proposed again.

        The fastest few become children of the root, to be refined; the rest would only use up its width. Members that
        learn from what was measured learn from all.

        Args:
            known: The programs.
            rejected: Keys of others that must not be proposed either.
        """
        root = self.tree.root
        fastest: dict[int, tuple[Built, float]] = {}
        for built, seconds in sorted(known, key=lambda pair: pair[1]):
            fastest.setdefault(built.key, (built, seconds))
        keys = tuple({**fastest, **dict.fromkeys(rejected)})
        if not keys:
            return
        _, root_s = fastest.pop(root.built.key, (None, None))
        programs = tuple(fastest.values())
        first = self.pool.first(self.config)
        self._happened(Adopted(programs[:ADOPTED], keys, root_s, first, programs[ADOPTED:]))

    def recall(self, measurements: Sequence[Measurement]) -> None:
        """Book results of nodes of this tree that a process measured which did not live to tell."""
        chosen = tuple((one.node, None) for one in measurements if one.node not in self.state.running)
        if chosen:
            self._happened(Chosen(chosen, at_s=self._now()))
        self.tell(measurements)
        self._again = list(self.state.running)
        self.carried = self.state.totals

    def close(self, wait_s: float = 0.0) -> None:
        """Book the calls that still fly, as far as they land within `wait_s` seconds, and let go of the space."""
        for call, flight in self._flights.late(wait_s):
            if flight.done:
                self._answered(call, flight)
            else:
                self._happened(GaveUp(call, round(flight.blocked_s, DIGITS)))
        self.space.close()
