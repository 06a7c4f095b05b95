"""Where the boxes of ordered layers stand from left to right: near their neighbours above and below, long ways straight.

Called by the layout. Layer by layer, downwards and upwards in turn, boxes move to the places nearest to the middle of their neighbours
that keep the gaps: a least-squares fit (isotonic regression by pooling adjacent violators). Then each long way, and each chain of boxes,
is made as straight as what stands beside it allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

__all__ = ["places_across"]

SWEEPS = 40
TRUNK_WEIGHT = 6.0

Layers = Sequence[Sequence[str]]
Neighbours = Mapping[str, Sequence[str]]
Gap = Callable[[str, str], float]


def places_across(layers: Layers, up: Neighbours, down: Neighbours, trunks: Sequence[Sequence[str]], gap: Gap) -> dict[str, float]:
    """The middle of every box. `trunks` are the long ways, each the names of its bends from top to bottom; `gap` is what lies at least
    between the middles of two neighbours.
    """
    gaps = [[gap(left, right) for left, right in pairwise(layer)] for layer in layers]
    places: dict[str, float] = {}
    for layer, between in zip(layers, gaps, strict=True):
        # Each layer as tight as it may be, around a common middle.
        places.update(zip(layer, _fitted([0.0] * len(layer), [1.0] * len(layer), between), strict=True))
    straight = {name for trunk in trunks for name in trunk}
    numbers = range(len(layers))
    for sweep in range(SWEEPS):
        # At first towards the layer that was placed before, at last towards both, which settles.
        is_settling = sweep >= SWEEPS // 2
        for number in numbers if sweep % 2 == 0 else reversed(numbers):
            wanted, weights = [], []
            for name in layers[number]:
                others = [*up[name], *down[name]] if is_settling else (up if sweep % 2 == 0 else down)[name]
                along = [other for other in others if other in straight] if name in straight else []
                wanted.append(_mean([places[other] for other in along or others], places[name]))
                weights.append(TRUNK_WEIGHT if name in straight else 1.0)
            places.update(zip(layers[number], _fitted(wanted, weights, gaps[number]), strict=True))
    _straighten(layers, [*trunks, *_chains(layers, up, down)], gaps, places)
    return places


def _chains(layers: Layers, up: Neighbours, down: Neighbours) -> list[list[str]]:
    """Boxes that have nothing but each other above and below, such as a label and what it leads to."""
    chains: list[list[str]] = []
    for layer in layers:
        for name in layer:
            if len(up[name]) == 1 and down[up[name][0]] == [name]:
                continue  # it belongs to the chain of the box above
            chain = [name]
            while len(down[chain[-1]]) == 1 and up[down[chain[-1]][0]] == [chain[-1]]:
                chain.append(down[chain[-1]][0])
            chains.append(chain)
    return [chain for chain in chains if len(chain) > 1]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _fitted(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The positions nearest to `wanted` that keep `gaps` between neighbours."""
    offsets, offset = [0.0], 0.0
    for gap in gaps:
        offset += gap
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []
    for target, weight, place in zip(wanted, weights, offsets, strict=True):
        block = (target - place, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            value, heavy, count = blocks.pop()
            block = ((value * heavy + block[0] * block[1]) / (heavy + block[1]), heavy + block[1], count + block[2])
        blocks.append(block)
    values = [value for value, _, count in blocks for _ in range(count)]
    return [value + place for value, place in zip(values, offsets, strict=True)]


def _straighten(layers: Layers, chains: Sequence[Sequence[str]], gaps: Sequence[Sequence[float]], places: dict[str, float]) -> None:
    """Moves the boxes of each chain, in runs as long as possible, to one place between what stands left and right of them."""
    position = {name: (number, index) for number, layer in enumerate(layers) for index, name in enumerate(layer)}

    def room(name: str) -> tuple[float, float]:
        number, index = position[name]
        layer, between = layers[number], gaps[number]
        left = places[layer[index - 1]] + between[index - 1] if index else float("-inf")
        right = places[layer[index + 1]] - between[index] if index + 1 < len(layer) else float("inf")
        return left, right

    for chain in chains:
        begun = 0
        while begun < len(chain):
            low, high = room(chain[begun])
            end = begun + 1
            while end < len(chain):
                left, right = room(chain[end])
                if max(low, left) > min(high, right):
                    break
                low, high = max(low, left), min(high, right)
                end += 1
            middle = sorted(places[name] for name in chain[begun:end])[(end - begun) // 2]
            for name in chain[begun:end]:
                places[name] = min(max(middle, low), high)
            begun = end
