"""What the gateway costs when little moves: a million events that wait, and nothing at all."""

import contextlib
import os
import shutil
import subprocess
import time

from bridge import Gateway, data_folder
from pushes import in_turns, middle_rate, offer_to_gateway
from rows import Result, at_least, median, within

EVENTS, CUSTOMERS, SECONDS = 1_000_000, 100_000, 3


def accept_with(setup, folder, result):
    """Starts a gateway on the folder and pushes; no worker is there. The load, with what the start and the waiting events cost."""
    began = time.monotonic()
    with Gateway(setup, folder) as gateway:
        ready_seconds, memory_mb = time.monotonic() - began, gateway.resident_mb()
        load = offer_to_gateway(setup, gateway, result, seconds=SECONDS)
    load.ready_seconds, load.memory_mb = ready_seconds, max(memory_mb, load.memory_mb)
    return load


def accept_with_none(setup, result):
    with data_folder(setup) as folder:
        return accept_with(setup, folder, result)


def accept_with_backlog(setup, filled, result):
    """On a copy: the pushes of one round are not to wait in the next one. Synced, so that nothing of the copying is left to do meanwhile."""
    with data_folder(setup) as folder:
        shutil.copyfile(filled, folder / "journal.db")
        with open(folder / "journal.db") as copy:
            os.fsync(copy)
        return accept_with(setup, folder, result)


def backlog(setup):
    """1 M events of 100 k customers wait for IM: start, memory, acceptance next to an empty journal."""
    result = Result()
    with data_folder(setup) as folder:
        filled = folder / "journal.db"
        subprocess.run([setup.bin / "kefu-bench-fill", filled, str(EVENTS), str(CUSTOMERS)], check=True)
        size_mb = filled.stat().st_size / 1e6
        loads = in_turns(setup.rounds, {"empty": lambda: accept_with_none(setup, result), "full": lambda: accept_with_backlog(setup, filled, result)})
    full = loads["full"]
    result.rows = [
        at_least("backlog", "pushes taken while 1 M events wait", middle_rate(full), "/s", "empty", middle_rate(loads["empty"]), 0.9),
        within("backlog", "gateway's memory with 1 M events", max(load.memory_mb for load in full), "MB", 300),
        within("backlog", "restart to ready with 1 M events", median([load.ready_seconds for load in full]), "s", 5)]
    result.details = {name: {"per_second": [load.per_second for load in each], "ready_seconds": [load.ready_seconds for load in each],
                             "memory_mb": [load.memory_mb for load in each], "cpu_us_per_push": [load.cpu_us for load in each]} for name, each in loads.items()} | {"journal": {"mb": size_mb}}
    return result


def idle(setup):
    """Resident memory of each program, three pings after it was ready."""
    with contextlib.ExitStack() as running:
        folder = running.enter_context(data_folder(setup))
        gateway = running.enter_context(Gateway(setup, folder))
        programs = [gateway, running.enter_context(gateway.relay()), running.enter_context(gateway.notifier())]
        time.sleep(3)
        memory = {program.name: program.resident_mb() for program in programs}
    rows = [within("idle", f"{name}, idle", mb, "MB", 20 if name == "kefu-gateway" else 15) for name, mb in memory.items()]
    return Result(rows, details={"ours": memory})
