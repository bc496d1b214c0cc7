"""What a language model may say: every site by name, every value as text, as `site=value`.

| site | text | meaning |
| --- | --- | --- |
| tile | `i=4x8x4x4` | factors, outermost first |
| choice | `unroll=64` | the option itself, not its index |
| location | `exp.at=j0`, `inline`, `root` | the loop of the consumer it is computed at |
| `sketch` | `sketch=1` | go on in that design space |
| `mutate` | `mutate=TileSize` | TVM's own random mutation of that kind |
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from tvm_litecoop.sites import Choice, Domain, Location, Site, Tile, Value
from tvm_litecoop.values import Edit, Mutate, Rejection, SetDecision, SetSketch, Why
from tvm_litecoop.view import Sketch, View

SKETCH, MUTATE = "sketch", "mutate"
EDITS = 12
"""Edits of one alternative: a whole program of a usual sketch."""
_MUTATOR = re.compile(r"Mutate(\w+?)(?:Node)?(?:\(.*)?")
_LOOP = re.compile(r"^(.+)_(\d+)$")
_TILE = re.compile(r"\d+(?:x\d+)*")


def short_names(sites: tuple[Site, ...]) -> dict[str, str]:
    """Name of a site -> its name without the block, where that is still unique among them."""
    ends = Counter(_end(site.name) for site in sites)
    return {site.name: _end(site.name) if ends[_end(site.name)] == 1 else site.name for site in sites}


def _end(name: str) -> str:
    _, dot, axis = name.rpartition(".")
    return name if not dot or axis == "at" or axis in (SKETCH, MUTATE) else axis


def text_of(domain: Domain, value: Value) -> str:
    """A value as it is written."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(domain, Choice):
        return str(domain.options[value])
    if isinstance(domain, Location):
        return loop_names(domain)[domain.indices.index(value)]
    return str(value)


def loop_names(domain: Location) -> list[str]:
    """The places of a location as they are written: TVM's `j_0` is `j0`, as in the loop order of the prompt."""
    return [_LOOP.sub(r"\1\2", label) for label in domain.labels]


def value_of(domain: Domain, text: str) -> Value | None:
    """The value a text names; None where it names none. Whether a tile is legal is for the editor to say."""
    if isinstance(domain, Tile):
        return tuple(map(int, text.split("x"))) if _TILE.fullmatch(text) and len(text) < 200 else None
    if isinstance(domain, Choice):
        options = list(map(str, domain.options))
        return options.index(text) if text in options else None
    names = loop_names(domain)
    return domain.indices[names.index(text)] if text in names else None


@dataclass(frozen=True)
class Menu:
    """The edits that may be written for one program.

    Attributes:
        sites: The decisions of the program, by the name they are written with.
        sketches: How many design spaces there are.
        sketch: The program's own.
        mutators: TVM's mutators by the name they are written with.
    """

    sites: tuple[tuple[str, Site], ...]
    sketches: int
    sketch: int
    mutators: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, view: View) -> Menu:
        """The menu of a view."""
        mutators = tuple((_short_mutator(name), name) for name, _ in view.mutators)
        if not view.directed:
            return cls((), 1, view.program.sketch, mutators)
        names = short_names(view.sketch.sites)
        sites = tuple((names[site.name], site) for site in view.sketch.sites)
        return cls(sites, len(view.sketches), view.program.sketch, mutators)

    @cached_property
    def _by_name(self) -> dict[str, Site]:
        return dict(self.sites)

    @property
    def most_edits(self) -> int:
        """Edits of one alternative at most: every one there is, once, where these are more than usual."""
        return max(EDITS, len(self.names()))

    def names(self) -> tuple[str, ...]:
        """Everything that can stand before the `=`."""
        more = [SKETCH] if self.sketches > 1 else []
        more += [MUTATE] if self.mutators else []
        return (*self._by_name, *more)

    def options(self, name: str) -> list[str]:
        """Every text that can stand behind the `=`, the present value left out."""
        if name == SKETCH:
            return [str(index) for index in range(self.sketches) if index != self.sketch]
        if name == MUTATE:
            return [short for short, _ in self.mutators]
        site = self._by_name[name]
        return [text_of(site.domain, value) for value in site.domain if value != site.value]

    def edit(self, text: str, seed: int) -> Edit | Rejection:
        """What `site=value` means, or why it means nothing.

        Args:
            text: As a model wrote it.
            seed: For a random mutation.
        """
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            return Rejection(Why.MALFORMED, f"{text[:80]!r} is not site=value")
        if name == SKETCH and self.sketches > 1 and value.isdecimal() and len(value) < 6:
            return SetSketch(int(value))
        if name == MUTATE:
            return self._mutation(value, seed)
        site = self._by_name.get(name)
        if site is None:
            return Rejection(Why.UNKNOWN_SITE, f"{name[:80]!r}; known: {', '.join(self.names())}")
        found = value_of(site.domain, value)
        if found is None:
            return Rejection(Why.ILLEGAL_VALUE, f"{name}={value[:80]}")
        return SetDecision(site.name, found)

    def _mutation(self, value: str, seed: int) -> Edit | Rejection:
        full = dict(self.mutators).get(value)
        return Mutate(full, seed) if full else Rejection(Why.ILLEGAL_VALUE, f"{MUTATE}={value[:80]}")


def said(edit: Edit, sketch: Sketch) -> str:
    """An edit as a model would have written it for a program of that sketch."""
    if isinstance(edit, SetDecision):
        names = short_names(sketch.sites)
        domains = {site.name: site.domain for site in sketch.sites}
        domain = domains.get(edit.site)
        value = text_of(domain, edit.value) if domain is not None and edit.value in domain else str(edit.value)
        return f"{names.get(edit.site, edit.site)}={value}"
    if isinstance(edit, SetSketch):
        return f"{SKETCH}={edit.sketch}"
    return f"{MUTATE}={_short_mutator(edit.mutator)}" if isinstance(edit, Mutate) else "a random sample"


def decisions_said(sketch: Sketch) -> list[str]:
    """All decisions of a program, the way edits are written."""
    names = short_names(sketch.sites)
    parts = [f"{names[site.name]}={text_of(site.domain, site.value)}" for site in sketch.sites]
    return [f"{SKETCH}={sketch.index}", *parts]


def _short_mutator(name: str) -> str:
    match = _MUTATOR.fullmatch(name)
    return match[1] if match else name
