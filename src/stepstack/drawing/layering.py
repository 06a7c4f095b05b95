"""Which layer each node of a graph stands in, and in which order: cycles broken, rows not too wide, few crossings.

Called by the layout. The steps are those of Sugiyama, Tagawa and Toda (1981): edges that close a cycle are reversed, a node stands below
all that lead to it, and layers are ordered by the barycentre of their neighbours. A row that would grow too wide goes on in the next one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

__all__ = ["back_edges", "order_layers", "rows_of"]

SWEEPS = 12
MOST_OWN_ROWS = 3

Neighbours = Mapping[str, Sequence[str]]


def back_edges(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> set[int]:
    """The numbers of the edges that close a cycle, found depth first from Start; without recursion, for long machines."""
    outgoing: dict[str, list[int]] = defaultdict(list)
    for number, (source, _) in enumerate(edges):
        outgoing[source].append(number)
    state: dict[str, int] = {}
    back: set[int] = set()
    for root in names:
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(outgoing[root]))]
        while stack:
            name, remaining = stack[-1]
            for number in remaining:
                target = edges[number][1]
                if state.get(target) == 1:
                    back.add(number)
                elif target not in state:
                    state[target] = 1
                    stack.append((target, iter(outgoing[target])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return back


def rows_of(widths: Mapping[str, float], edges: Iterable[tuple[str, str]], limit: float) -> dict[str, int]:
    """The row of each node, from 0: below all that lead to it by `edges`, which close no cycle, and in rows of at most `limit` pixels.

    What follows a node is placed before its next neighbour, so that a wide fan becomes rows of short ways. The last name stands last.
    """
    followers: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(widths, 0)
    for above, below in edges:
        followers[above].append(below)
        waiting[below] += 1
    rows = dict.fromkeys(widths, 0)
    taken: dict[int, float] = defaultdict(float)
    ready = [name for name, count in reversed(waiting.items()) if not count]
    while ready:
        name = ready.pop()
        row = rows[name]
        while taken[row] and taken[row] + widths[name] > limit:
            row += 1
        rows[name] = row
        taken[row] += widths[name]
        free = []
        for follower in followers[name]:
            rows[follower] = max(rows[follower], row + 1)
            waiting[follower] -= 1
            if not waiting[follower]:
                free.append(follower)
        # A wide fan goes over several rows in turn: the ways to the lower ones run between those above.
        count = max(1, math.ceil(sum(widths[follower] for follower in free) / limit))
        stride = max((_own_rows(follower, followers, waiting) for follower in free), default=1) if count > 1 else 1
        for place, follower in enumerate(free):
            rows[follower] += place % count * stride
        ready.extend(reversed(free))
    *others, last = rows
    rows[last] = max((rows[name] for name in others), default=-1) + 1
    return rows


def _own_rows(name: str, followers: Mapping[str, Sequence[str]], waiting: Mapping[str, int]) -> int:
    """How many rows a node needs with those that follow on it alone."""
    rows = 1
    while rows < MOST_OWN_ROWS and len(followers[name]) and waiting[followers[name][0]] == 1:
        name = followers[name][0]
        rows += 1
    return rows


def order_layers(layers: Sequence[Sequence[str]], up: Neighbours, down: Neighbours) -> list[list[str]]:
    """The layers, each in the order with the fewest crossings that sweeping up and down finds."""
    current = [list(layer) for layer in layers]
    best, fewest = current, _crossings(current, down)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        current = [list(layer) for layer in current]
        order, neighbours = (current, up) if sweep % 2 == 0 else (current[::-1], down)
        for fixed, layer in pairwise(order):
            _sort_by_barycentre(layer, fixed, neighbours)
        crossings = _crossings(current, down)
        if crossings < fewest:
            best, fewest = current, crossings
    return best


def _sort_by_barycentre(layer: list[str], fixed: Sequence[str], neighbours: Neighbours) -> None:
    position = {name: index for index, name in enumerate(fixed)}
    weights = {}
    for index, name in enumerate(layer):
        places = [position[other] for other in neighbours[name]]
        weights[name] = (sum(places) / len(places) if places else index, index)
    layer.sort(key=weights.__getitem__)


def _crossings(layers: Sequence[Sequence[str]], down: Neighbours) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        position = {name: index for index, name in enumerate(lower)}
        ends = [place for source in upper for place in sorted(position[name] for name in down[source])]
        total += _inversions(ends)
    return total


def _inversions(values: Sequence[int]) -> int:
    """How many pairs stand in the wrong order, counted with a Fenwick tree."""
    size = max(values, default=0) + 1
    tree = [0] * (size + 1)
    total = 0
    for seen, value in enumerate(values):
        index, not_larger = value + 1, 0
        while index:
            not_larger += tree[index]
            index -= index & -index
        total += seen - not_larger
        index = value + 1
        while index <= size:
            tree[index] += 1
            index += index & -index
    return total
