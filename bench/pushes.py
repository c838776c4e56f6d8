"""How fast pushes are taken, next to servers that users would pick instead."""

import concurrent.futures
import contextlib
import json
import subprocess

from bridge import Gateway, data_folder
from load import Load
from programs import Trouble, eventually
from rows import Result, Row, at_least, at_most, median, within
from servers import bare, bullmq, express, install, one_sync

SECONDS, WARM_UP = 4, 1
SAFE_COUNT = SECONDS * 40_000  # should a machine take more, it is done sooner; making them takes as long as pushing them


def offer_to_gateway(setup, gateway, result, safe=False, **options):
    """Pushes, then kill -9, then: is every one that was answered with 200 in the journal, once? The load, with what it cost."""
    warm_up = Load(setup, gateway.port, safe, **{**options, "seconds": WARM_UP})
    cpu = gateway.cpu_seconds()
    load = Load(setup, gateway.port, safe, **options)
    load.cpu_us = (gateway.cpu_seconds() - cpu) * 1e6 / max(1, len(load.answered))
    load.memory_mb = gateway.resident_mb()
    gateway.kill()
    stored = gateway.stored_ids()
    for one in (warm_up, load):
        result.faults += one.faults("ours")
        result.faults += one.astray("ours", stored, "in the journal")
    return load


def offer_to_ours(setup, result, safe=False, **options):
    with data_folder(setup) as folder, Gateway(setup, folder, safe=safe) as gateway:
        return offer_to_gateway(setup, gateway, result, safe, **options)


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
    servers = {"bare": bare, "express": express, "bullmq": bullmq}
    for name in ("express", "bullmq"):
        install(name, setup)  # now, and not while something is measured
    runs = {name: (lambda server=server: offer_to(setup, server, **options)) for name, server in servers.items()}
    runs["ours"] = lambda: offer_to_ours(setup, result, **options)
    loads = in_turns(setup.rounds, runs)
    ours = middle_rate(loads["ours"])
    for name, times in {"bare": 0.6, "express": 10, "bullmq": 8}.items():
        result.rows.append(at_least("rate", f"pushes taken, next to {name}", ours, "/s", name, middle_rate(loads[name]), times))
    result.details = {name: summary_of(each) for name, each in loads.items()}
    sync = one_sync(setup)
    result.rows.append(Row("rate", "pushes taken, next to a sync for each", ours, "/s", "fdatasync", sync["per_second"], ours / sync["per_second"]))
    result.details["sync"] = {"per_second": [sync["per_second"]], "latency": sync["latency"]}
    return result


def fresh(setup):
    """A new connection for each push, 64 at a time."""
    result = Result()
    # Closed connections stay in the kernel's tables for two minutes, and these are not without end.
    options = {"seconds": 3, "fresh": True}
    loads = in_turns(setup.rounds, {"bare": lambda: offer_to(setup, bare, **options), "ours": lambda: offer_to_ours(setup, result, **options)})
    result.rows.append(at_least("fresh", "a new connection per push", middle_rate(loads["ours"]), "/s", "bare", middle_rate(loads["bare"]), 0.5))
    result.details = {name: summary_of(each) for name, each in loads.items()}
    return result


def safe(setup):
    """Encrypted pushes next to plain ones."""
    result = Result()
    loads = in_turns(setup.rounds, {"plain": lambda: offer_to_ours(setup, result, seconds=SECONDS),
                              "safe": lambda: offer_to_ours(setup, result, safe=True, seconds=SECONDS, count=SAFE_COUNT)})
    result.rows.append(at_least("safe", "pushes taken in safe mode (AES)", middle_rate(loads["safe"]), "/s", "plain", middle_rate(loads["plain"]), 0.9))
    result.details = {name: summary_of(each) for name, each in loads.items()}
    return result


def latency(setup):
    """From when a push was due to its answer, at 2,000 a second."""
    result = Result()
    sync = one_sync(setup)["latency"]
    load = offer_to_ours(setup, result, seconds=8, rate=2000)
    for share, times in {"p50": 4, "p99": 20}.items():
        result.rows.append(at_most("latency", f"answer at 2,000 pushes/s, {share}", load.latency(share), "ms", "fdatasync", sync["p50_ms"], times))
    result.details = {"ours": summary_of([load]), "sync": {"latency": sync}}
    return result


@contextlib.contextmanager
def crowd(setup, port, silent, slow, told):
    """Connections that hold on and say nothing, or a byte a second. Into `told`: how many, and how many the server closed."""
    command = [setup.bin / "kefu-bench-crowd", str(port), str(silent), str(slow)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as members:
        if members.stdout.readline() != "ready\n":
            raise Trouble("the crowd of slow connections could not gather")
        try:
            yield
        finally:
            last_words, _ = members.communicate()
            told.update(json.loads(last_words or "{}"))


def slow(setup):
    """Pushes while 1,000 other connections are silent or slow."""
    result = Result()
    told = {}
    with data_folder(setup) as folder, Gateway(setup, folder) as gateway:
        with crowd(setup, gateway.port, 500, 500, told):
            load = Load(setup, gateway.port, rate=500, seconds=8, connections=16)
        gateway.kill()
        result.faults = load.faults("ours") + list(load.astray("ours", gateway.stored_ids(), "in the journal"))
    result.rows.append(within("slow", "answer beside 1,000 slow connections, p99", load.latency("p99"), "ms", 500))
    result.details = {"ours": summary_of([load]) | {"crowd": told}}
    return result


IM_WAITS_MS = 2000  # for the answer to a callback; it calls once


def offered_together(setup, gateway, callback_options, push_options):
    """Callbacks while pushes come as fast as they are answered. Both loads."""
    Load(setup, gateway.port, count=push_options["customers"], customers=push_options["customers"])  # agents write to them
    known = gateway.accepted("wechat")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pushing = pool.submit(Load, setup, gateway.port, **push_options)
        eventually(lambda: pushing.done() or gateway.accepted("wechat") > known, "pushes are taken")
        called = Load(setup, gateway.port, callbacks=True, customers=push_options["customers"], **callback_options)
        pushed = pushing.result()
    if not pushed.answered or max(at for _, at in pushed.answered.values()) < max((due for due, _ in called.answered.values()), default=0):
        raise Trouble("the pushes ended before the callbacks did")
    return called, pushed


def callbacks(setup):
    """Callbacks of IM, which waits 2 s and calls once, while pushes come as fast as they are answered."""
    result = Result()
    with data_folder(setup) as folder, Gateway(setup, folder) as gateway:
        called, pushed = offered_together(setup, gateway, {"rate": 200, "seconds": 4, "connections": 64}, {"seconds": 7, "customers": 4000})
        gateway.kill()
        stored = gateway.stored_ids()
    for load, who in ((called, "callbacks"), (pushed, "ours")):
        result.faults += load.faults(who) + list(load.astray(who, stored, "in the journal"))
    in_time = sum(at - due <= IM_WAITS_MS * 1e6 for due, at in called.answered.values()) / called.figures["offered"]
    beside = "callback answered beside pushes at full load"
    result.rows = [Row("callbacks", f"{beside}, p50", called.latency("p50"), "ms"), within("callbacks", f"{beside}, p99", called.latency("p99"), "ms", 500),
                   within("callbacks", f"{beside}, max", called.latency("max"), "ms", IM_WAITS_MS),
                   Row("callbacks", "callbacks answered within IM's 2 s", 100 * in_time, "%", goal="100 %", met=in_time == 1)]
    result.details = {"ours": summary_of([called]), "pushes": summary_of([pushed])}
    return result
