"""What the tests exercised of their state machines: recorded from histories, analysed, reported.

Three steps, kept apart: `observation` reads histories into counts, `counts` keeps and merges the counts of workers and runs, `analysis`
says what is missing; the reports (text, JSON, LCOV, HTML) print an analysis. Called by the pytest plugin.
"""

from stepstack.coverage.analysis import Analysis, analyse
from stepstack.coverage.counts import CoverageData, MachineCounts
from stepstack.coverage.observation import observe

__all__ = ["Analysis", "CoverageData", "MachineCounts", "analyse", "observe"]
