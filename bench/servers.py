"""What the bridge is compared with: the HTTP library alone, the how-to's design, and a queue that a careful Node team would build."""

import contextlib
import socket
import subprocess

from bridge import TOKEN, data_folder
from load import Load
from programs import Program, Trouble, eventually, free_ports, say_json


PORT = object()  # where in a command its port stands


@contextlib.contextmanager
def serving(name, *command, environment=None, folder=None):
    """Once it answers. Yields the port that it was given."""
    [port] = free_ports(1)
    words = [port if word is PORT else word for word in command]
    with Program(name, words, environment, folder) as server:
        server.wait_for(f"http://127.0.0.1:{port}/healthz")
        yield port


def bare(setup):
    return serving("bare", setup.bin / "kefu-bench-bare", PORT)


def stand_in_for_im(setup):
    return serving("kefu-bench-im", setup.bin / "kefu-bench-im", PORT)


def install(name, setup):
    """Its packages, as its lock file says, if they are not there already. Its folder."""
    folder = setup.bench / "baselines" / name
    lock, installed = folder / "package-lock.json", folder / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return folder
    said = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise Trouble(f"npm ci for {name}:\n{(said.stderr or said.stdout)[:600]}")
    return folder


def node(name, setup, *arguments):
    return serving(name, "node", "server.mjs", PORT, *arguments, environment={"NODE_ENV": "production"}, folder=install(name, setup))


@contextlib.contextmanager
def express(setup):
    with stand_in_for_im(setup) as im, node("express", setup, im) as port:
        yield port


@contextlib.contextmanager
def redis(setup):
    """Syncs every write before it answers; on the disk that our journal is on."""
    [port] = free_ports(1)
    with data_folder(setup) as folder:
        with Program("redis-server", ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes",
                                      "--appendfsync", "always"]):
            eventually(lambda: is_open(port), "redis-server listens")
            yield port


def is_open(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def bullmq(setup):
    with redis(setup) as redis_port, node("bullmq", setup, redis_port, TOKEN) as port:
        yield port


# What the machine itself can do, in the same run.


def one_sync(setup, seconds=2):
    return say_json(setup.bin / "kefu-bench-sync", setup.bin.parent, seconds)


def one_http_call(setup, rate, seconds=2):
    """Over loopback to a server that does nothing, offered as calmly as what it is compared with."""
    with bare(setup) as port:
        return Load(setup, port, rate=rate, seconds=seconds, connections=16).figures
