"""How fast pushes are taken, next to servers that users would pick instead."""

import contextlib

from bridge import Gateway, data_folder
from load import Load
from programs import Program, free_ports
from rows import Result, at_least, median

SECONDS, WARM_UP, ROUNDS = 4, 1, 3


@contextlib.contextmanager
def bare(setup):
    [port] = free_ports(1)
    with Program("bare", [setup.bin / "kefu-bench-bare", port]) as server:
        server.wait_for(f"http://127.0.0.1:{port}/healthz")
        yield port


def offer_to_ours(setup, result, safe=False, **options):
    """Pushes, then kill -9, then: is every one that was answered with 200 in the journal, once?"""
    with data_folder(setup) as folder:
        with Gateway(setup, folder, safe=safe) as gateway:
            warm_up = Load(setup, gateway.port, safe, **{**options, "seconds": WARM_UP})
            cpu = gateway.cpu_seconds()
            load = Load(setup, gateway.port, safe, **options)
            load.cpu_us = (gateway.cpu_seconds() - cpu) * 1e6 / max(1, len(load.answered))
            gateway.kill()
            stored = gateway.stored_ids()
        for one in (warm_up, load):
            result.faults += one.faults("ours")
            result.faults += one.astray("ours", stored, "in the journal")
        return load


def offer_to(setup, server, **options):
    with server(setup) as port:
        Load(setup, port, **{**options, "seconds": WARM_UP})
        return Load(setup, port, **options)


def in_turns(rounds, runs):
    """{name: [its outcome of each round]}; each round begins with another one, so that none always has the quiet moment."""
    outcomes = {name: [] for name in runs}
    names = list(runs)
    for turn in range(rounds):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            outcomes[name].append(runs[name]())
    return outcomes


def summary_of(loads):
    middle = sorted(loads, key=lambda load: load.per_second)[len(loads) // 2]
    return {"per_second": [load.per_second for load in loads], "latency": middle.figures["latency"],
            "reopened": sum(load.figures["reopened"] for load in loads),
            **({"cpu_us_per_push": median([load.cpu_us for load in loads])} if hasattr(middle, "cpu_us") else {})}


def middle_rate(loads):
    return median([load.per_second for load in loads])


def rate(setup):
    """Accepted pushes a second over 64 keep-alive connections, each on disk before its answer."""
    result = Result()
    options = {"seconds": SECONDS}
    servers = {"bare": bare}
    runs = {name: (lambda server=server: offer_to(setup, server, **options)) for name, server in servers.items()}
    runs["ours"] = lambda: offer_to_ours(setup, result, **options)
    loads = in_turns(ROUNDS, runs)
    ours = middle_rate(loads["ours"])
    for name, times in {"bare": 0.6}.items():
        result.rows.append(at_least("rate", f"pushes taken, next to {name}", ours, "/s", name, middle_rate(loads[name]), times))
    result.details = {name: summary_of(each) for name, each in loads.items()}
    return result


def fresh(setup):
    """A new connection for each push, 64 at a time."""
    result = Result()
    options = {"seconds": SECONDS, "fresh": True}
    loads = in_turns(ROUNDS, {"bare": lambda: offer_to(setup, bare, **options), "ours": lambda: offer_to_ours(setup, result, **options)})
    result.rows.append(at_least("fresh", "a new connection per push", middle_rate(loads["ours"]), "/s", "bare", middle_rate(loads["bare"]), 0.5))
    result.details = {name: summary_of(each) for name, each in loads.items()}
    return result


def safe(setup):
    """Encrypted pushes next to plain ones."""
    result = Result()
    loads = in_turns(ROUNDS, {"plain": lambda: offer_to_ours(setup, result, seconds=SECONDS),
                              "safe": lambda: offer_to_ours(setup, result, safe=True, seconds=SECONDS)})
    result.rows.append(at_least("safe", "pushes taken in safe mode (AES)", middle_rate(loads["safe"]), "/s", "plain", middle_rate(loads["plain"]), 0.9))
    result.details = {name: summary_of(each) for name, each in loads.items()}
    return result
