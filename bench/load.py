"""The load generator, and whether what it was told of every push is true."""

import itertools
import pathlib
import tempfile

from bridge import AES_KEY
from programs import say_json

_first_ids = itertools.count(24_000_000_000_000_000, 10_000_000)  # of WeChat's size; no two loads share an id


class Load:
    """One run of kefu-bench-load: `figures` as it printed them, `answered` {MsgId: (due, answered)} in nanoseconds."""

    def __init__(self, setup, port, safe=False, **options):
        self.first_id = next(_first_ids)
        self.what = "callbacks" if options.get("callbacks") else "pushes"
        with tempfile.NamedTemporaryFile(dir=setup.bin.parent) as answered:
            words = ["--port", port, "--first-id", self.first_id, "--answered", answered.name]
            for name, value in options.items():
                words += [f"--{name}"] if value is True else [f"--{name}", value]
            if safe:
                words += ["--aes-key", AES_KEY]
            self.figures = say_json(setup.bin / "kefu-bench-load", *words)
            lines = (line.split() for line in pathlib.Path(answered.name).read_text().splitlines())
            self.answered = {int(msg_id): (int(due), int(at)) for msg_id, due, at in lines}

    @property
    def per_second(self):
        return self.figures["per_second"]

    def latency(self, share):
        return self.figures["latency"].get(f"{share}_ms", float("inf"))

    def faults(self, who):
        """What was not answered with 200."""
        told = {"refused": f"{self.what} were refused", "broken": f"connections broke with one of the {self.what} on its way",
                "unanswered": f"{self.what} were never answered"}
        return [f"{who}: {self.figures[kind]} {text}" for kind, text in told.items() if self.figures[kind]]

    def astray(self, who, arrived, where):
        """Phase two: every push that was answered with 200 is among `arrived` (MsgIds, each as often as it was found) exactly once."""
        counts = {}
        for msg_id in arrived:
            counts[msg_id] = counts.get(msg_id, 0) + 1
        lost = sum(msg_id not in counts for msg_id in self.answered)
        doubled = sum(counts.get(msg_id, 0) > 1 for msg_id in self.answered)
        if lost:
            yield f"{who}: LOST {lost} of {len(self.answered)} {self.what} that were answered with 200: not {where}"
        if doubled:
            yield f"{who}: {doubled} {self.what} are more than once {where}"
