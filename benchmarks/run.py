"""The project's benchmarks: runs those that are named, or all, and prints their tables as Markdown.

    python benchmarks/run.py [engine] [service] [comparison] [load] [kills] [plugin] [crowd] [callbacks] [--quick] [--no-install]

It needs stepstack installed with its `test` dependencies. Every server is started on a free port of 127.0.0.1 and ended again. `comparison`
installs moto and MiniStack into folders of the user's cache the first time.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import import_module

from sizes import SIZES

BENCHMARKS = ("engine", "service", "comparison", "load", "kills", "plugin", "crowd", "callbacks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--size", choices=list(SIZES), default="full", help="how much is measured (default full)")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick", help="the same as --size quick")
    parser.add_argument("--seconds", type=float, help="how long `load` lasts (default 60, with --quick 5)")
    parser.add_argument("--no-install", action="store_true", help="compare only with what was installed before")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}: {', '.join(BENCHMARKS)}")
    size = SIZES[options.size]
    if options.seconds:
        from dataclasses import replace

        size = replace(size, load_seconds=options.seconds)
    print(_machine(), flush=True)
    for name in options.names or BENCHMARKS:
        further = {"install": not options.no_install} if name == "comparison" else {}
        for table in import_module(name).measure(size, **further):
            print(f"\n{table}", end="", flush=True)


def _machine() -> str:
    load = " ".join(f"{share:.1f}" for share in os.getloadavg())
    return f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores, load before the run {load} ({sys.platform})"


if __name__ == "__main__":
    main()
