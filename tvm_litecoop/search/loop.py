"""START HERE: the search over one shared tree, as ask and tell.

One step reads in this order: select a node by LA-UCT, let its member propose, apply the edits, attach what survived.
`ask` makes steps until a batch of unmeasured programs is there; `tell` brings the truth back: evaluate, escalate,
back up. A member that may think beside the measurement is asked early: its call flies under virtual loss and lands in
a later `ask`. The search knows neither TVM nor any language model: programs come through `search.space.Space`,
proposals through `models.pool.Pool`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import SearchError
from tvm_litecoop.models.base import Answer
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.search import escalation, policy, sight
from tvm_litecoop.search.flights import Flights
from tvm_litecoop.search.space import Space
from tvm_litecoop.search.tree import Node, Tree
from tvm_litecoop.search.trust import Trust
from tvm_litecoop.values import Built, Measurement, Proposal, Rejection, Why

NOTHING_NEW = (Why.DUPLICATE, Why.NO_CHANGE)
ADOPTED = 8
"""Programs of an earlier run that a new tree starts from."""
REFUSED_KEPT = 3
"""Refused proposals of a node that are shown to the next member there."""
REFUSALS_PER_DUPLICATE = 32
"""Expansions in which a proposal was refused that say as much about a node being spent as one without any new one."""


class Search:
    """The shared tree of one task.

    Args:
        space: The programs of the task.
        pool: The members that take turns; may be shared with other tasks.
        config: Settings of the search.
        seed: All randomness of this task comes from it: same seed, same tree, in any process, where all members are
            free. Where some think in the background or slowly, the times of their answers are part of the input.

    Raises:
        SearchError: The space has no program at all (every postproc refuses the untuned one).
    """

    def __init__(self, space: Space, pool: Pool, config: SearchConfig, seed: int) -> None:
        self.space, self.pool, self.config, self.seed = space, pool, config, seed
        root = space.initial()
        if isinstance(root, Rejection):
            raise SearchError(f"no program of this design space can be built: {root}")
        self.tree = Tree(root, pool.first(config))
        self._size_scores = policy.size_scores(pool.params)
        self.trust = Trust()
        self.steps = 0
        self.escalations = 0
        self._escalated: deque[int] = deque()  # parents to be handed to the largest member
        self._seen: set[int] = {root.key}
        self._waiting: dict[int, None] = {}  # unmeasured nodes by id, in order of creation
        self._running: dict[int, float | None] = {}  # nodes being measured -> what was predicted of them
        self._flights = Flights(self.tree, pool)

    # ---- ask: propose until there is enough to measure -------------------------------------------------------------

    def ask(self, count: int, ahead: int = 0) -> list[Node]:
        """The next programs to measure, at most `count`; empty when nothing new can come until a `tell`.

        Args:
            count: Size of the batch.
            ahead: Size of the batch after it, for which background members begin to think now; 0 for none.
        """
        self.pool.calls.measuring(0)
        self._land(wait=False)
        nodes = len(self.tree) + (count * self.config.oversample if self.trust.trusted else 0)
        while (needed := max(count - len(self._waiting), nodes - len(self.tree))) > 0 and self.step(needed + ahead):
            pass
        if not self._waiting and not self._running and not self.tree.root.measured:
            self._waiting[self.tree.root.id] = None  # a space with nothing to decide: its one program is the result
        batch = self._choose(count)
        for node in batch:
            del self._waiting[node.id]
        self._think_ahead(ahead)
        self.pool.calls.measuring(len(batch))
        return batch

    def step(self, needed: int = 1) -> bool:
        """Expand one node, or wait for a call that flies; False when neither is possible now.

        Args:
            needed: New programs wanted soon; no more calls fly than may bring them. A slow one among them holds
                nobody up: its answer is for a later batch.
        """
        wanted = -(-needed // self.config.proposals_per_call)
        enough = len(self._flights) >= min(self.config.in_flight, wanted)
        others = self.config.next_member == "model" and self.pool.free_member_able()
        if enough and not others:
            return self._land(wait=True)
        escalated = self._handed_over()
        node = escalated or policy.select(self.tree, self._size_scores, self.config)
        if node is None:
            return self._land(wait=True)
        self.steps += 1
        self._ask_member(node, at_once=enough and escalated is None, must=escalated is not None)
        return True

    def _handed_over(self) -> Node | None:
        """A parent whose next step belongs to the largest member; its width does not matter."""
        node = None
        while self._escalated and (node is None or node.spent or node.closed):
            node = self.tree.nodes[self._escalated.popleft()]
        if node is None or node.spent or node.closed:
            return None
        node.member = self.pool.largest_able()
        self.escalations += 1
        self.pool.count_escalation(node.member)
        return node

    def _ask_member(self, node: Node, *, at_once: bool = False, must: bool = False) -> None:
        """Let the node's member propose; a call in the background flies under virtual loss until it lands.

        Args:
            node: The program to be changed.
            at_once: A free member acts, so that nobody waits: enough calls fly already.
            must: The node was handed over to its member.
        """
        stand_in = seeds.fork(self.seed, "stand-in", node.id, self.steps)
        author = self.pool.acting(node.member, stand_in, self.config, free=at_once, must=must)
        view = sight.view_of(self.tree, node, self.space, self.pool, self.config)
        seed = seeds.fork(self.seed, "propose", node.id, self.steps)
        flight = self.pool.ask(author, view, self.config.proposals_per_call, seed, escalated=must)
        if self.pool.in_background(author):
            self._flights.launch(node, flight)
            node.member = self._next_member(None, node)  # who else is asked meanwhile
        else:
            self._expand(node, flight.account, self.pool.settle(flight))

    def _land(self, *, wait: bool) -> bool:
        """Take in the answers that are there; with `wait` at least one, unless nothing flies."""
        landed = self._flights.landed(wait=wait)
        for node, author, answer in landed:
            self._expand(node, author, answer)
        return bool(landed)

    def _think_ahead(self, count: int) -> None:
        """Ask background members for the batch after this one while this one is measured."""
        passed: list[Node] = []  # nodes whose members do not think in the background, out of the way for a moment
        k = self.config.proposals_per_call
        for _ in range(2 * count):
            if len(self._waiting) + k * len(self._flights) >= count or len(self._flights) >= self.config.in_flight:
                break
            node = policy.select(self.tree, self._size_scores, self.config)
            if node is None:
                break
            if self.pool.in_background(node.member):
                self.steps += 1
                self._ask_member(node)
            else:
                self.tree.hold(node)
                node.flying += 1
                passed.append(node)
        for node in passed:
            self.tree.hold(node, -1)
            node.flying -= 1

    def _expand(self, node: Node, author: str, answer: Answer) -> None:
        """Apply the proposals, attach the programs that are new, and hand the node to its next member."""
        usable = [proposal for proposal in answer.proposals if isinstance(proposal, Proposal)]
        outcomes = self.space.apply(node.built.program, [proposal.edits for proposal in usable])
        added, refused = 0, answer.fault is not None or len(usable) < len(answer.proposals)
        for proposal, outcome in zip(usable, outcomes, strict=True):
            checked = self._new(outcome)
            if isinstance(checked, Rejection):
                self.pool.reject(author, checked)
                node.refused = [*node.refused, (proposal.edits, str(checked))][-REFUSED_KEPT:]
                refused = refused or checked.why not in NOTHING_NEW
                continue
            member = self._next_member(proposal, node)
            child = self.tree.add(node, checked, author, member, proposal.edits)
            self._seen.add(checked.key)
            self._waiting[child.id] = None
            added += 1
        # a refusal says that the proposal was bad, not that there is nothing new here; on a GPU most are refused
        node.barren = 0 if added else node.barren + (1 if refused else REFUSALS_PER_DUPLICATE)
        if not added:
            self.tree.visit(node)
        if node.barren >= self.config.patience * REFUSALS_PER_DUPLICATE:
            self.tree.set_spent(node)
        node.member = self._next_member(None, node)

    def _new(self, outcome: Built | Rejection) -> Built | Rejection:
        if isinstance(outcome, Built) and outcome.key in self._seen:
            return Rejection(Why.DUPLICATE)
        return outcome

    def _next_member(self, proposal: Proposal | None, node: Node) -> str:
        seed = seeds.fork(self.seed, "member", node.id, self.steps, len(self.tree))
        named = proposal.next_member if proposal else ""
        return self.pool.next_member(named, seed, self.config)

    # ---- choose: which of the waiting programs are measured --------------------------------------------------------

    def _choose(self, count: int) -> list[Node]:
        waiting = [self.tree.nodes[i] for i in self._waiting]
        scores = self.space.predict([node.built.program for node in waiting]) if waiting else None
        order = list(range(len(waiting)))
        if scores is not None and self.trust.trusted:
            order.sort(key=lambda i: -scores[i])
            explore = min(count, len(order)) - max(1, round(count * (1 - self.config.epsilon)))
            if explore > 0:
                kept = order[: count - explore]
                rest = order[count - explore :]
                seeds.rng(self.seed, "explore", len(self.tree)).shuffle(rest)
                order = kept + rest
            for i in order[count * self.config.oversample :]:
                del self._waiting[waiting[i].id]  # predicted to be among the worst; it stays in the tree unmeasured
        chosen = order[:count]
        for i in chosen:
            self._running[waiting[i].id] = scores[i] if scores is not None else None
        return [waiting[i] for i in chosen]

    # ---- tell: the truth comes back --------------------------------------------------------------------------------

    def tell(self, measurements: Iterable[Measurement]) -> None:
        """Book what the hardware said. A second `tell` of the same node is a no-op."""
        self.pool.calls.measuring(0)
        fresh = [m for m in measurements if m.node in self._running]
        self._observe_predictions(fresh)
        for measurement in fresh:
            del self._running[measurement.node]
            self._book(self.tree.nodes[measurement.node], measurement)

    def _observe_predictions(self, measurements: Sequence[Measurement]) -> None:
        pairs = [
            (predicted, 1.0 / m.seconds if m.seconds else 0.0)
            for m in measurements
            if (predicted := self._running[m.node]) is not None
        ]
        if pairs:
            self.trust.observe([p for p, _ in pairs], [t for _, t in pairs])

    def _book(self, node: Node, measurement: Measurement) -> None:
        """Back the measurement up, count hits, and escalate after persistent regressions."""
        before = self.tree.root.best
        node.error = measurement.error
        self.tree.set_throughput(node, 1.0 / measurement.seconds if measurement.seconds else 0.0, measured=True)
        if not measurement.seconds:
            self.tree.set_spent(node)  # nothing is built on a program that does not run
        parent = self.tree.parent(node)
        if parent is None:
            return
        throughput = node.throughput or 0.0
        base = (parent.throughput or 0.0) if parent.measured else before
        self.pool.count_trial(node.author, hit=throughput > base, record=throughput > before)
        small = self.pool.is_small(node.author)
        if parent.measured and escalation.update_streak(self.tree, node, small, self.config):
            self._escalated.append(parent.id)

    def adopt(self, known: Iterable[tuple[Built, float]]) -> None:
        """Take over programs that were measured earlier, with their seconds; none is proposed again.

        The fastest few become children of the root, to be refined; the rest would only use up its width.
        """
        root = self.tree.root
        fastest: dict[int, tuple[Built, float]] = {}
        for built, seconds in sorted(known, key=lambda pair: pair[1]):
            fastest.setdefault(built.key, (built, seconds))
        self._seen.update(fastest)
        if root.built.key in fastest:
            self.tree.set_throughput(root, 1.0 / fastest.pop(root.built.key)[1], measured=True)
        for built, seconds in list(fastest.values())[:ADOPTED]:
            node = self.tree.add(root, built, "database", self.pool.first(self.config), ())
            self.tree.set_throughput(node, 1.0 / seconds, measured=True)

    def close(self, wait_s: float = 0.0) -> None:
        """Book the calls that still fly, as far as they land within `wait_s` seconds, and let go of the space."""
        self._flights.close(wait_s)
        self.space.close()
