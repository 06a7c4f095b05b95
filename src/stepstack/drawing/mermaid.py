"""A state machine as the text of a Mermaid flowchart, which GitHub and many editors draw. Names are escaped, ids are our own."""

from __future__ import annotations

from collections.abc import Iterator

from stepstack.drawing.graph import EdgeKind, Graph, Node

__all__ = ["mermaid_text"]


def mermaid_text(graph: Graph) -> str:
    """`graph` as `flowchart TD`; a Parallel's branches and a Map's item processor are subgraphs."""
    return "\n".join(["flowchart TD", *_graph_lines(graph, "s", 1)]) + "\n"


def _graph_lines(graph: Graph, prefix: str, depth: int) -> Iterator[str]:
    indent = "    " * depth
    identifiers = {node.name: f"{prefix}{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        yield from _node_lines(node, identifiers[node.name], depth)
    for edge in graph.edges:
        if edge.target not in identifiers:
            continue
        arrow = "-.->" if edge.kind is EdgeKind.CATCH else "-->"
        words = ", ".join(edge.entries) or edge.label
        label = f'|"{_escaped(words)}"|' if words else ""
        yield f"{indent}{identifiers[edge.source]} {arrow}{label} {identifiers[edge.target]}"


def _node_lines(node: Node, identifier: str, depth: int) -> Iterator[str]:
    indent = "    " * depth
    if node.type in {"Start", "End"}:
        yield f"{indent}{identifier}(({node.type}))"
    elif node.inner:
        yield f'{indent}subgraph {identifier}["{_escaped(node.name)} ({node.type})"]'
        if len(node.inner) == 1:
            yield from _graph_lines(node.inner[0], f"{identifier}n", depth + 1)
        else:
            yield from _branch_lines(node, identifier, depth + 1)
        yield f"{indent}end"
    elif node.type == "Choice":
        yield f'{indent}{identifier}{{"{_escaped(node.name)}"}}'
    else:
        yield f'{indent}{identifier}["{_escaped(node.name)}"]'


def _branch_lines(node: Node, identifier: str, depth: int) -> Iterator[str]:
    indent = "    " * depth
    for number, inner in enumerate(node.inner):
        yield f'{indent}subgraph {identifier}g{number}[" "]'
        yield from _graph_lines(inner, f"{identifier}g{number}n", depth + 1)
        yield f"{indent}end"


def _escaped(text: str) -> str:
    """`text` inside double quotes: Mermaid reads `#quot;` and other entities."""
    escapes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\n": " "}
    return "".join(escapes.get(character, character) for character in text.encode("utf-8", "replace").decode())
