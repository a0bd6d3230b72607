"""Run: the console on a terminal, or once without one for its picture."""

import asyncio

from textual.pilot import Pilot

from netconsole.backend.model.errors import ExitStatus
from netconsole.screens.app import ConsoleApp
from netconsole.screens.guard import RunGuard


def run_console(app: ConsoleApp, *, mouse: bool) -> int:
    """Run the console on this terminal; return the exit status.

    Raises what made the console fail, once the terminal is as it was before.
    """
    guard = RunGuard(app.leave)
    app.guard = guard
    try:
        app.run(mouse=mouse)
    finally:
        guard.stop()
        app.finish_change()
    if guard.code is not None:
        return guard.code
    if app.failure is not None:
        raise app.failure
    return app.return_code or ExitStatus.OK


async def _first_picture(app: ConsoleApp) -> None:
    while app.picture is None and not app.error:
        await asyncio.sleep(0.05)


def screenshot(app: ConsoleApp, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """Return the console after its first look at the host and some keys, as SVG; needs no terminal.

    Raises what made the console fail.
    """
    taken: list[str] = []

    async def pilot_keys(pilot: Pilot[object]) -> None:
        await _first_picture(app)
        await pilot.press(*keys)
        await pilot.pause()
        host = app.status.host.name if app.status else ""
        taken.append(app.export_screenshot(title=f"netconsole {host}".rstrip()))
        app.exit()

    app.run(headless=True, size=size, auto_pilot=pilot_keys)
    if app.failure is not None:
        raise app.failure
    return taken[0]
