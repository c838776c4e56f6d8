#!/usr/bin/python3
"""Prints every step of every event as it happens. Needs Debian's python3-zmq.
docs/watch.py [ADDRESS [TOPIC]], for instance: docs/watch.py tcp://127.0.0.1:5556 relay.dead."""
import json
import sys
import time
import zmq

address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
topic = sys.argv[2] if len(sys.argv) > 2 else ""
socket = zmq.Context().socket(zmq.SUB)
socket.connect(address)
socket.subscribe(topic)
while True:
    _, text, _event = socket.recv_multipart()  # the third frame is protobuf, kefu.v1.Event
    step = json.loads(text)
    when = time.strftime("%H:%M:%S", time.localtime(step["at"] / 1000))
    print(when, step["queue"], step["step"], step["type"], step["id"], step["customer"],
          "attempt", step["attempt"], step.get("error", ""), flush=True)
