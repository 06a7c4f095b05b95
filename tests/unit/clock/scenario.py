"""A clock on a loop of its own, for as long as a test needs it."""

from __future__ import annotations

import asyncio

from stepstack.clock import Clock


def run(scenario, scale=0.0):
    """Runs `scenario(clock)` on a loop of its own."""

    async def main():
        return await asyncio.wait_for(scenario(Clock(asyncio.get_running_loop(), scale)), 20)

    return asyncio.run(main())
