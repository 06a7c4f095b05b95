"""Draws a state machine: nodes and edges, their places on a plane, the picture as SVG or Mermaid text, and the frame of HTML pages.

Called by `stepstack graph`, coverage and failure reports. It reads a compiled `StateMachine` alone, so it draws any backend's machine.
"""

from stepstack.drawing.graph import Edge, EdgeKind, Graph, Node, graph_of
from stepstack.drawing.layout import Layout, lay_out
from stepstack.drawing.mermaid import mermaid_text
from stepstack.drawing.svg import Highlights, svg_text

__all__ = ["Edge", "EdgeKind", "Graph", "Highlights", "Layout", "Node", "graph_of", "lay_out", "mermaid_text", "svg_text"]
