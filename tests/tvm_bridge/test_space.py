"""The bridge to TVM's traces: sites and their legal values, edits, replay, identity."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tvm
import tvm_ffi
from spaces import CPU, SMALL, context_of, space_of
from tvm import te
from tvm.s_tir import Schedule
from tvm.target import Target

from tvm_litecoop.models import rules, surrogate
from tvm_litecoop.models.expert import Expert, elsewhere, whole_program
from tvm_litecoop.models.mutator import Mutator
from tvm_litecoop.models.surrogate import Surrogate
from tvm_litecoop.sites import INLINE, ROOT, Choice, Location, Tile
from tvm_litecoop.tvm_bridge import machine as facts
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.machine import machine_of
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Built, Edit, Mutate, Program, Proposal, Rejection, Resample, SetDecision, SetSketch, Why
from tvm_litecoop.view import History, View

MATMUL = "matmul:64x48x96"


def root_of(space: TvmSpace) -> Built:
    root = space.initial()
    assert isinstance(root, Built)
    return root


def sample(space: TvmSpace, seed: int) -> Built:
    """A random program; the first of a few draws that survives."""
    root = root_of(space)
    for attempt in range(20):
        sketch = (seed + attempt) % len(space.sketches)
        built = space.apply(root.program, [[Resample(sketch, seed * 100 + attempt + 1)]])[0]
        if isinstance(built, Built):
            return built
    raise AssertionError("no random program survives")


def test_sites_of_a_matmul_are_named_and_hold_their_legal_values() -> None:
    space = space_of(MATMUL)
    sites = {site.name: site for site in space.view(root_of(space).program).sketch.sites}
    assert list(sites) == ["matmul.i", "matmul.j", "matmul.k", "unroll"]
    assert sites["matmul.i"].domain == Tile(64, 4, max_innermost=64)
    assert sites["matmul.j"].domain == Tile(48, 4, max_innermost=64)
    assert sites["matmul.k"].domain == Tile(96, 2, max_innermost=64)
    assert sites["unroll"].domain == Choice((0, 16, 64, 512))
    assert (1, 96) not in sites["matmul.k"].domain  # past max_innermost_factor
    assert (3, 32) in sites["matmul.k"].domain


def test_the_nest_of_a_matmul_has_its_strides() -> None:
    (block,) = space_of(MATMUL).view(root_of(space_of(MATMUL)).program).sketch.blocks
    assert [(a.name, a.extent, a.reduction) for a in block.axes] == [
        ("i", 64, False),
        ("j", 48, False),
        ("k", 96, True),
    ]
    assert block.tiling == "SSRSRS"
    strides = [[access.stride(axis) for axis in range(3)] for access in block.accesses]
    assert strides == [[96, 0, 1], [0, 1, 48], [48, 1, 0]]


def test_a_strided_convolution_has_the_strides_of_its_window() -> None:
    space = space_of("conv2d:1x16x16x8,3x3,16,s2")
    blocks = {block.name: block for block in space.view(root_of(space).program).sketch.blocks}
    conv = blocks["conv2d"]
    data = conv.reads[0]
    moves = [[c for c in dim if c] for dim in data.dims]
    assert sorted(moves[1]) == [1, 2] and sorted(moves[2]) == [1, 2]  # h * 2 + rh, w * 2 + rw


def test_a_directed_edit_sets_the_site_and_nothing_else() -> None:
    space, root = space_of(MATMUL), root_of(space_of(MATMUL))
    built = space.apply(root.program, [[SetDecision("matmul.i", (2, 2, 4, 4)), SetDecision("unroll", 3)]])[0]
    assert isinstance(built, Built) and built.moved == ()
    assert built.program.decisions == ((2, 2, 4, 4), *root.program.decisions[1:3], 3)
    schedule = space.schedule(built.program)
    assert traces.decisions_of(schedule.trace) == built.program.decisions


@pytest.mark.parametrize(
    ("edit", "why", "detail"),
    [
        (SetDecision("matmul.z", (1,)), Why.UNKNOWN_SITE, "known: matmul.i, matmul.j"),
        (SetDecision("matmul.i", (2, 2, 4, 5)), Why.ILLEGAL_VALUE, "matmul.i = (2, 2, 4, 5)"),
        (SetDecision("matmul.i", (64,)), Why.ILLEGAL_VALUE, "(64,)"),
        (SetDecision("matmul.i", 3), Why.ILLEGAL_VALUE, "matmul.i = 3"),
        (SetDecision("matmul.k", (1, 96)), Why.ILLEGAL_VALUE, "(1, 96)"),
        (SetDecision("unroll", 4), Why.ILLEGAL_VALUE, "unroll = 4"),
        (SetSketch(99), Why.ILLEGAL_VALUE, "sketch 99 of 3"),
        (Resample(-1, 1), Why.ILLEGAL_VALUE, "sketch -1 of 3"),
        (Mutate("MutateNothing", 1), Why.MALFORMED, "unknown mutator MutateNothing"),
    ],
)
def test_an_edit_that_cannot_be_used_is_a_rejection_with_its_reason(edit: Any, why: Why, detail: str) -> None:
    outcome = space_of(MATMUL).apply(root_of(space_of(MATMUL)).program, [[edit]])[0]
    assert isinstance(outcome, Rejection)
    assert outcome.why is why and detail in outcome.detail


def test_another_sketch_keeps_the_decisions_of_the_same_name() -> None:
    space, root = space_of(MATMUL), root_of(space_of(MATMUL))
    tiled, other = space.apply(
        root.program,
        [
            [SetDecision("matmul.i", (2, 2, 4, 4))],
            [SetDecision("matmul.i", (2, 2, 4, 4)), SetSketch(2)],
        ],
    )
    assert isinstance(tiled, Built) and isinstance(other, Built)
    assert other.program.sketch == 2 and other.program.decisions == tiled.program.decisions
    assert other.key != tiled.key


def test_two_ways_to_one_program_have_one_key() -> None:
    space, root = space_of(MATMUL), root_of(space_of(MATMUL))
    first, second = SetDecision("matmul.i", (2, 2, 4, 4)), SetDecision("matmul.j", (3, 1, 1, 16))
    one, two = space.apply(root.program, [[first, second], [second, first]])
    assert one == two


def test_mutators_are_seeded() -> None:
    space, root = space_of(MATMUL), root_of(space_of(MATMUL))
    once = space.apply(root.program, [[Mutate("MutateTileSize", seed)] for seed in range(1, 9)])
    twice = space.apply(root.program, [[Mutate("MutateTileSize", seed)] for seed in range(1, 9)])
    assert once == twice
    assert len({str(outcome) for outcome in once}) > 1


def test_compute_locations_are_tvms_marks_and_loops() -> None:
    """-2 is inline and -1 is root (CollectComputeLocation), a loop is its index in the consumer's nest."""
    space = space_of("attention:2x32x16")
    found: Counter[str] = Counter()
    for sketch in space.sketches[:12]:
        for site in sketch.sites(sketch.default):
            if isinstance(site.domain, Location):
                labels = dict(zip(site.domain.indices, site.domain.labels, strict=True))
                assert labels[ROOT] == "root"
                assert labels.get(INLINE, "inline") == "inline"
                assert site.consumers and site.name == f"{site.block}.at"
                found.update(labels.values())
    assert found["inline"] and any(label.endswith("_0") for label in found)


def test_a_location_that_is_illegal_for_a_tiling_is_moved_and_named() -> None:
    space = space_of("attention:2x32x16")
    moved = 0
    for seed in range(1, 12):
        program = sample(space, seed).program
        for site in space.view(program).sketch.sites:
            if isinstance(site.domain, Location):
                for value in site.domain:
                    outcome = space.apply(program, [[SetDecision(site.name, value)]])[0]
                    if isinstance(outcome, Built) and site.name in outcome.moved:
                        moved += 1
    assert moved > 0


@pytest.mark.parametrize("spec", SMALL)
def test_whatever_the_menu_offers_replays_or_is_refused_with_a_reason(spec: str) -> None:
    space, rng = space_of(spec), random.Random(3)
    outcomes: Counter[str] = Counter()
    for seed in range(1, 7):
        program = sample(space, seed).program
        edits = [
            [SetDecision(site.name, value)]
            for site in space.view(program).sketch.sites
            for value in rng.sample(list(site.domain), min(3, len(list(site.domain))))
        ]
        for outcome in space.apply(program, edits):
            if isinstance(outcome, Rejection):
                assert outcome.why is Why.POSTPROC and outcome.detail
            outcomes[type(outcome).__name__] += 1
    assert outcomes["Built"] > 20


@pytest.mark.parametrize("spec", SMALL)
@pytest.mark.parametrize("member", [Expert(), Mutator(), Surrogate()], ids=["expert", "mutator", "surrogate"])
def test_free_members_propose_usable_programs_for_every_family(spec: str, member: Any) -> None:
    space = space_of(spec)
    root = root_of(space)
    view = space.view(root.program)
    programs: list[Built] = []
    for seed in range(1, 5):
        for start in (True, False):
            answer = member.ask(replace(view, root=start), 4, seed)()
            assert answer == member.ask(replace(view, root=start), 4, seed)()
            edits = [p.edits for p in answer.proposals if isinstance(p, Proposal)]
            programs += [b for b in space.apply(root.program, edits) if isinstance(b, Built)]
    assert len({built.key for built in programs}) >= 3


def test_parallel_loops_end_where_results_are_written_back() -> None:
    space = space_of(MATMUL)
    root, levels = root_of(space), {}
    tiling = (SetDecision("matmul.i", (2, 4, 8, 1)), SetDecision("matmul.j", (2, 2, 2, 6)))
    for sketch in space.view(root.program).sketches:
        (block,) = (one for one in sketch.blocks if one.tiling)
        levels[block.written_at] = block.parallel_levels
        (built,) = space.apply(root.program, [[SetSketch(sketch.index), *tiling]])
        assert isinstance(built, Built)
        (loops,) = (one for one in space.loops(built.program) if one.block == "matmul")
        assert loops.parallel == (2 * 2 if block.parallel_levels == 1 else 2 * 2 * 4 * 2)  # TVM's
    assert levels == {0: 1, 1: 2, -1: 2}


def test_a_place_that_leaves_cores_idle_is_avoided() -> None:
    """Two heads of 32 rows: in the loop over heads a maximum leaves two pieces of work."""
    space = space_of("attention:2x32x16")
    *_, sketch = space.view(root_of(space).program).sketches
    sketch = sketch.with_values({"exp.at": ROOT})  # so that its consumer has loops over heads, rows and columns
    (site,) = (site for site in sketch.sites if site.name == "rowmax.at")
    assert isinstance(site.domain, Location) and site.domain.indices[:3] == (ROOT, 0, 1)
    for cores, same in ((2, True), (64, False)):
        weights = rules.weights(site, sketch, replace(space.machine, cores=cores))
        root, heads, rows = (weights[index] for index in site.domain.indices[:3])
        assert root == rows and (heads == rows if same else heads < rows / 100)


def test_where_a_sum_lies_by_default_hides_no_place_of_what_it_reads() -> None:
    """TVM offers the exponentials the loops that the sum and the quotients share: none where the sum is at the root."""
    space = space_of("softmax:32x64")
    offered = []
    for sketch in space.view(root_of(space).program).sketches:
        site = next((site for site in sketch.sites if site.name == "exp.at"), None)
        assert site is not None and isinstance(site.domain, Location)
        offered.append(site.domain.indices[:3])
    assert len(offered) > 3 and set(offered) == {(INLINE, ROOT, 0)}


def test_places_behind_reductions_of_one_step_are_offered_and_kept_there() -> None:
    space = space_of("depthwise:1x28x28x32,3x3")
    root = root_of(space)
    (site,) = (site for site in space.view(root.program).sketches[0].sites if site.name == "pad.at")
    assert isinstance(site.domain, Location)
    inner = dict(zip(site.domain.labels, site.domain.indices, strict=True))["y_2"]
    tiles = {"y": (7, 1, 4, 1), "x": (1, 1, 4, 7), "ch": (1, 1, 1, 32)}
    for steps in (1, 3):
        values = {**{f"depthwise.{axis}": tile for axis, tile in tiles.items()}, "depthwise.kh": (1, 3)}
        values |= {"depthwise.kw": (steps, 3 // steps), "pad.at": inner}
        edits = [SetDecision(name, value) for name, value in values.items()]
        (built,) = space.apply(root.program, [[SetSketch(0), *edits]])
        assert isinstance(built, Built)
        assert (built.program.decisions[site.position] == inner) is (steps == 1)


@pytest.mark.parametrize("spec", SMALL)
def test_the_expert_draws_places_that_are_there(spec: str) -> None:
    """What TVM would move is another program than the one that was weighed."""
    space, rng = space_of(spec), random.Random(5)
    view = space.view(root_of(space).program)
    outcomes = space.apply(view.program, [whole_program(view, rng).edits for _ in range(40)])
    built = [one for one in outcomes if isinstance(one, Built)]
    assert len(built) > 30 and [one.moved for one in built if one.moved] == []


def test_blocks_that_write_buffers_of_one_name_can_be_placed() -> None:
    """As those of `te.compute` without a name: the quotients read two of them, of one and of two dimensions."""
    x = te.placeholder((64, 48), name="x")
    k = te.reduce_axis((0, 48), name="k")
    exp = te.compute((64, 48), lambda i, j: te.exp(x[i, j]))
    total = te.compute((64,), lambda i: te.sum(exp[i, k], axis=k))
    quotients = te.compute((64, 48), lambda i, j: exp[i, j] / total[i])
    mod = tvm.IRModule({"main": te.create_prim_func([x, quotients])})
    space = space_of.__wrapped__(SimpleNamespace(mod=mod))
    view, rng = space.view(root_of(space).program), random.Random(2)
    for sketch in view.sketches:
        for site in sketch.sites:
            assert any(rules.weights(site, sketch, view.machine).values())
    outcomes = space.apply(view.program, [whole_program(view, rng).edits for _ in range(20)])
    assert sum(isinstance(one, Built) for one in outcomes) > 15


def test_a_tiling_is_taken_along_to_another_design_space() -> None:
    space, rng = space_of(MATMUL), random.Random(1)
    here = sample(space, 3)
    view = space.view(here.program)
    found = [elsewhere(view, rng) for _ in range(8)]
    there = [view.asked(one.edits) for one in found if one is not None]
    assert {one.sketch for one in there} == {0, 1, 2} - {here.program.sketch}
    assert {one.decisions for one in there} == {here.program.decisions}
    only = replace(view, sketches=[view.sketch], traits=(), program=replace(here.program, sketch=0))
    assert elsewhere(only, rng) is None


def test_what_is_new_in_another_design_space_is_drawn() -> None:
    space = space_of("softmax:32x64")
    view, rng = space.view(root_of(space).program), random.Random(1)
    for _ in range(8):
        found = elsewhere(view, rng)
        assert found is not None
        program = view.asked(found.edits)
        new = {site.name for site in view.sketches[program.sketch].sites} - {site.name for site in view.sketch.sites}
        assert new and new <= {edit.site for edit in found.edits if isinstance(edit, SetDecision)}
        (built,) = space.apply(view.program, [found.edits])
        assert isinstance(built, Built) and built.program.sketch == program.sketch


def test_mutators_are_asked_for_what_is_there() -> None:
    for spec, some in (("softmax:32x64", False), (MATMUL, True)):
        space = space_of(spec)
        edits = [Mutator()._edit(space.view(root_of(space).program), random.Random(seed)) for seed in range(40)]
        assert any(isinstance(edit, Mutate) and edit.mutator.startswith("MutateTile") for edit in edits) is some


def test_the_partial_results_of_a_reduction_are_several_vectors() -> None:
    space = space_of("softmax:32x64")
    sketches = space.view(root_of(space).program).sketches
    sketch, site = next((one, site) for one in sketches for site in one.sites if site.name == "rowsum.s")
    weights = rules.weights(site, sketch, space.machine)  # of 16 lanes and two cores
    assert weights[2, 32] > weights[4, 16] > weights[8, 8] and weights[1, 64] > weights[64, 1]


def test_the_partial_results_of_an_odd_reduction_are_few_instructions() -> None:
    """Of 105 no split holds whole vectors of 16: 35 are two of them and three more, 15 are fifteen."""
    space = space_of("softmax:32x105")
    sketches = space.view(root_of(space).program).sketches
    sketch, site = next((one, site) for one in sketches for site in one.sites if site.name == "rowsum.s")
    weights = rules.weights(site, sketch, replace(space.machine, vector_bytes=64))
    assert max(weights, key=lambda value: weights[value]) == (3, 35) and weights[3, 35] > 4 * weights[7, 15]


def test_decisions_survive_tvms_own_json() -> None:
    space = space_of(MATMUL)
    built = sample(space, 5)
    trace = space.schedule(built.program).trace
    text = trace.as_json()
    schedule = Schedule(space.sketches[0]._mod)
    tvm.s_tir.schedule.Trace.apply_json_to_schedule(text, schedule)
    assert traces.decisions_of(schedule.trace) == built.program.decisions


def test_a_record_finds_its_sketch() -> None:
    space = space_of(MATMUL)
    built = [sample(space, seed) for seed in (1, 2, 3)]
    some = [space.schedule(one.program).trace for one in built]
    other = space_of("softmax:32x64")
    foreign = other.schedule(sample(other, 1).program).trace
    found = space.recorded([some[0], foreign, *some[1:]])
    assert [found[0], *found[2:]] == built and isinstance(found[1], Rejection)


def test_design_spaces_are_read_ahead_within_the_time_given_for_it() -> None:
    space = space_of.__wrapped__("attention:2x32x16")  # one that nobody has looked at
    shown = [vars(sketch) for sketch in space.sketches]
    space.read(0.0)
    assert len(shown) > 9 and not any("_facts" in one for one in shown)
    space.read(60.0)
    assert all("_facts" in one for one in shown)


def test_schedules_are_replayed_when_they_were_dropped() -> None:
    space = space_of(MATMUL)
    built = sample(space, 9)
    space._schedules.clear()
    assert traces.decisions_of(space.schedule(built.program).trace) == built.program.decisions


@pytest.mark.parametrize("spec", ["matmul:256x256x256", "conv2d:1x28x28x32,3x3,64"])
def test_cuda_without_a_gpu_gives_valid_deduplicated_candidates(spec: str) -> None:
    space = space_of(spec, Target("nvidia/nvidia-a100"))
    root = sample(space, 1)
    view = space.view(root.program)
    edits: list[Any] = [[Resample(i % len(space.sketches), i + 1)] for i in range(40)]
    answer = Expert().propose(replace(view, root=True), 40, 1)
    edits += [p.edits for p in answer.proposals if isinstance(p, Proposal)]
    outcomes = space.apply(root.program, edits)
    built = [outcome for outcome in outcomes if isinstance(outcome, Built)]
    assert sum(isinstance(outcome, Built) for outcome in outcomes[40:]) >= 20  # the expert knows the limits
    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
    assert len({b.key for b in built}) >= 5
    assert all(r.why is Why.POSTPROC for r in refused)
    for one in built:
        assert any("threadIdx" in line for line in str(space.schedule(one.program).mod).splitlines())


@pytest.mark.parametrize(("place", "preferred"), [(INLINE, 512), (ROOT, 16)])
def test_the_limit_of_unrolling_goes_with_the_place_of_the_padding(place: int, preferred: int) -> None:
    """Inlined, its condition falls away where the window is unrolled; elsewhere long code gains nothing."""
    space = space_of("depthwise:1x28x28x32,3x3")
    view = space.view(root_of(space).program)
    (pad,) = (block for block in view.sketch.blocks if block.name == "pad")
    assert (pad.conditions, pad.functions) == (1, 0)
    chosen = {
        "depthwise.y": (1, 28, 1, 1),
        "depthwise.x": (1, 2, 1, 14),
        "depthwise.kh": (1, 3),
        "depthwise.kw": (1, 3),
        "pad.at": place,
    }
    sites = tuple(replace(site, value=chosen.get(site.name, site.value)) for site in view.sketch.sites)
    (unroll,) = (site for site in sites if site.name == "unroll")
    assert isinstance(unroll.domain, Choice)
    weights = rules.weights(unroll, replace(view.sketch, sites=sites), space.machine)
    best = max(weights, key=lambda value: weights[value])
    assert unroll.domain.options[best] == preferred


def test_windows_are_unrolled_with_all_that_is_inside_them() -> None:
    """The condition of inlined padding is on the window, whose loops may stand far out."""
    space = space_of("depthwise:1x28x28x32,3x3")
    view = space.view(root_of(space).program)
    chosen = {
        "depthwise.y": (1, 14, 2, 1),
        "depthwise.x": (1, 14, 2, 1),
        "depthwise.ch": (1, 1, 1, 32),
        "pad.at": INLINE,
    }
    sufficient = {}
    for place, window in (("inside", (1, 3)), ("outside", (3, 1))):
        values = chosen | {"depthwise.kh": window, "depthwise.kw": window}
        sites = tuple(replace(site, value=values.get(site.name, site.value)) for site in view.sketch.sites)
        (unroll,) = (site for site in sites if site.name == "unroll")
        assert isinstance(unroll.domain, Choice)
        weights = rules.weights(unroll, replace(view.sketch, sites=sites), space.machine)
        best = max(weights.values())
        sufficient[place] = [unroll.domain.options[value] for value, weight in weights.items() if weight == best]
    assert sufficient == {"inside": [16, 64, 512], "outside": [64, 512]}  # 9 and 36 statements


def test_long_code_gains_nothing_where_no_limit_unrolls_the_window() -> None:
    space = space_of("conv2d:1x14x14x128,3x3,16")
    view = space.view(root_of(space).program)
    values: dict[str, Any] = {"conv2d.kh": (3, 1), "conv2d.kw": (3, 1), "conv2d.c": (128, 1), "pad.at": INLINE}
    sites = tuple(replace(site, value=values.get(site.name, site.value)) for site in view.sketch.sites)
    (unroll,) = (site for site in sites if site.name == "unroll")
    weights = rules.weights(unroll, replace(view.sketch, sites=sites), space.machine)
    assert isinstance(unroll.domain, Choice)
    by_limit = {unroll.domain.options[value]: weight for value, weight in weights.items()}
    assert by_limit[512] < by_limit[64] == by_limit[16]


def test_nothing_is_placed_where_an_output_would_make_it_again() -> None:
    space = space_of("softmax:64x64")
    sketch = space.view(root_of(space).program).sketch
    (site,) = (site for site in sketch.sites if site.name == "rowsum.at")
    assert isinstance(site.domain, Location) and site.consumers == ("softmax",)
    weights = rules.weights(site, sketch, space.machine)
    by_label = dict(zip(site.domain.labels, (weights[index] for index in site.domain.indices), strict=True))
    assert by_label["i"] > 0.1 * by_label["root"] > 1000 * by_label["j"]


def test_long_code_gains_nothing_where_no_nest_is_tiled_either() -> None:
    space = space_of("softmax:64x64")
    view = space.view(root_of(space).program)
    (unroll,) = (site for site in view.sketch.sites if site.name == "unroll")
    assert isinstance(unroll.domain, Choice) and not any(block.tiling for block in view.sketch.blocks)
    by_limit = {
        unroll.domain.options[value]: w for value, w in rules.weights(unroll, view.sketch, space.machine).items()
    }
    assert by_limit[512] < by_limit[64] == by_limit[16]


def test_whole_programs_are_drawn_with_limits_that_go_with_their_tiles() -> None:
    space = space_of("depthwise:1x28x28x32,3x3")
    view = replace(space.view(root_of(space).program), root=True)
    answer = Expert().propose(view, 200, 1)
    enough = []
    for proposal in answer.proposals:
        assert isinstance(proposal, Proposal)
        drawn: dict[str, Any] = {edit.site: edit.value for edit in proposal.edits if isinstance(edit, SetDecision)}
        if drawn["pad.at"] == INLINE:
            y, x, ch, kh, kw = (drawn[f"depthwise.{axis}"] for axis in ("y", "x", "ch", "kh", "kw"))
            steps = y[3] * x[3] * kh[1] * kw[1]  # ch[3] are the lanes of a vector
            if kh[0] * kw[0] > 1:
                steps *= y[2] * x[2] * ch[2] * kh[0] * kw[0]
            if steps <= 512:
                enough.append((0, 16, 64, 512)[drawn["unroll"]] >= steps)
    assert len(enough) > 60
    assert sum(enough) > 0.7 * len(enough)


def test_facts_of_targets() -> None:
    machine = machine_of(CPU)
    assert (machine.kind, machine.cores, machine.vector_bytes, machine.registers) == ("llvm", 2, 64, 32)
    plain = machine_of(Target({"kind": "llvm", "keys": ["cpu"], "num-cores": 4}))
    assert (plain.cores, plain.vector_bytes, plain.registers) == (4, 16, 16)
    avx2 = machine_of(Target({"kind": "llvm", "keys": ["cpu"], "mcpu": "core-avx2", "num-cores": 1}))
    assert (avx2.vector_bytes, avx2.registers) == (32, 16)
    assert machine_of(Target("nvidia/nvidia-a100"), 3).kind == "cuda"


def test_the_clock_is_the_highest_where_the_system_scales_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    highest, cpuinfo = tmp_path / "cpuinfo_max_freq", tmp_path / "cpuinfo"
    monkeypatch.setattr(facts, "HIGHEST_KHZ", highest)
    monkeypatch.setattr(facts, "CPUINFO", cpuinfo)
    assert machine_of(CPU).ghz == 0.0
    cpuinfo.write_text("processor\t: 0\ncpu MHz\t\t: 799.998\n")
    assert machine_of(CPU).ghz == 0.8
    highest.write_text("4500000\n")
    assert machine_of(CPU).ghz == 4.5


def test_programs_are_plain_and_small() -> None:
    program = sample(space_of("attention:2x32x16"), 2).program
    assert isinstance(program, Program) and hash(program)
    assert len(repr(program)) < 400
    assert context_of(MATMUL).mod is not None


def test_what_is_asked_for_again_is_not_replayed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    space = space_of(MATMUL)
    root = root_of(space)
    edits = [
        [SetDecision("matmul.i", (2, 2, 4, 4))],
        [SetDecision("matmul.k", (3, 32))],
        [SetDecision("matmul.i", (3,))],
    ]
    first = space.apply(root.program, edits)
    monkeypatch.setattr(space._replayer, "replay", lambda programs: [pytest.fail("replayed") for _ in programs])
    assert space.apply(root.program, edits) == first and isinstance(first[0], Built)


def test_the_surrogate_knows_programs_with_decisions_that_are_none() -> None:
    space = space_of("conv2d:1x8x8x8,3x3,8")  # the batch of 1 can be tiled in one way
    root = root_of(space)
    history = History()
    history.know(root.program)
    view = replace(space.view(root.program), root=True, history=history)
    told = 0
    for seed in range(4):
        for proposal in Surrogate().ask(view, 2, seed)().proposals:
            assert isinstance(proposal, Proposal)
            (built,) = space.apply(root.program, [proposal.edits])
            if isinstance(built, Built) and not built.moved:
                drawn = [program for program, edits in whole_programs(view, seed) if edits == proposal.edits]
                assert built.program in drawn
                told += 1
    assert told


def whole_programs(view: View, seed: int) -> list[tuple[Program, tuple[Edit, ...]]]:
    """What the surrogate looks at, at the root."""
    return list(surrogate._candidates(view, random.Random(seed)).items())


def test_ctrl_c_in_what_tvm_calls_of_ours_stays_ctrl_c() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tvm_ffi.convert(interrupted)()
