"""Child processes: started on free ports, ended with the `with`, their words kept for when something goes wrong."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request


class Trouble(Exception):
    """Something that the bench needs does not work; not a figure."""


def free_ports(count):
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def eventually(question, what, seconds=60):
    """Waits until it holds; for what no event tells us of."""
    until = time.monotonic() + seconds
    while not question():
        if time.monotonic() > until:
            raise Trouble(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def say_json(program, *arguments):
    """Runs one of our small programs to its end; what it printed."""
    said = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise Trouble(f"{pathlib.Path(program).name}: {said.stderr or said.stdout}")
    return json.loads(said.stdout)


class Program:
    def __init__(self, name, command, environment=None, folder=None):
        self.name = name
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(part) for part in command], env={**os.environ, **(environment or {})}, cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)
        self.log.close()

    def end(self, how):
        if self.process.poll() is not None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_for(self, url, seconds=15):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                get(url)
                return self
            time.sleep(0.02)
        self.log.seek(0)
        raise Trouble(f"{self.name} did not get ready:\n{self.log.read().decode(errors='replace')[-2000:]}")

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024 / 1e6

    def cpu_seconds(self):
        """So far, of all its threads: tells more than rates do when others use the machine too."""
        after_name = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(after_name[11]) + int(after_name[12])  # utime and stime, see proc(5)
        return ticks / os.sysconf("SC_CLK_TCK")
