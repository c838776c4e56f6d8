"""The bridge's own programs with the settings of a measurement, and what is on disk of what they answered."""

import contextlib
import json
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile

from programs import Program, free_ports, get

TOKEN = "benchtoken"
APP_ID = "wx0000000000000000"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@contextlib.contextmanager
def data_folder(setup):
    """Beside the programs and not in /tmp, which may be memory: syncing is what is measured."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-data-", dir=setup.bin.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Gateway(Program):
    """Takes pushes once the `with` has begun. Nothing limits its calls but what is measured."""

    def __init__(self, setup, folder, im_port=None, safe=False, **settings):
        self.setup, self.folder, self.im_port = setup, folder, im_port
        self.port, ops, self.queue_port, tap, self.admin_port = free_ports(5)
        self.ops = f"http://127.0.0.1:{ops}"
        environment = {
            "WECHAT_TOKEN": TOKEN, "WECHAT_APP_ID": APP_ID, "IM_SDK_APP_ID": "1400000001", "IM_AGENTS": "agent1",
            "IM_CALLBACK_TOKEN": "benchcb", "KEFU_HTTP_LISTEN": f"127.0.0.1:{self.port}", "KEFU_OPS_LISTEN": f"127.0.0.1:{ops}",
            "KEFU_QUEUE_LISTEN": f"tcp://127.0.0.1:{self.queue_port}", "KEFU_TAP_LISTEN": f"tcp://127.0.0.1:{tap}",
            "KEFU_ADMIN_LISTEN": f"tcp://127.0.0.1:{self.admin_port}", "KEFU_DATA_DIR": str(folder), "KEFU_LOG_LEVEL": "warning",
            "KEFU_RATE_IM_SEND": "0", "KEFU_RATE_IM_IMPORT": "0", **({"WECHAT_AES_KEY": AES_KEY} if safe else {}), **settings,
        }
        super().__init__("kefu-gateway", [setup.bin / "kefu-gateway"], environment)

    def __enter__(self):
        return self.wait_for(f"{self.ops}/readyz", 120)

    def relay(self, **settings):
        """A relay of this gateway; ready once it is asked for in a `with`."""
        return Worker(self, "kefu-relay", IM_SDK_APP_ID="1400000001", IM_SECRET_KEY="bench", IM_ADMIN="administrator",
                      IM_API=f"http://127.0.0.1:{self.im_port or free_ports(1)[0]}", **settings)

    def notifier(self):
        return Worker(self, "kefu-notifier", WECHAT_APP_ID=APP_ID, WECHAT_APP_SECRET="bench",
                      WECHAT_API=f"http://127.0.0.1:{free_ports(1)[0]}")

    def kefuctl(self, *words):
        said = subprocess.run([self.setup.bin / "kefuctl", "--connect", f"tcp://127.0.0.1:{self.admin_port}", "--json", *words],
                              capture_output=True, check=True)
        return json.loads(said.stdout)

    def relays(self):
        """Connected ones."""
        return len(next(queue for queue in self.kefuctl("queues")["queues"] if queue["name"] == "relay")["workers"])

    def done(self):
        """Events of the relays' queue that are done. From the metrics: asking again and again costs the machine less than kefuctl would."""
        found = re.search(r'^kefu_end_to_end_seconds_count\{queue="relay"\} (\S+)$', get(f"{self.ops}/metrics"), re.M)
        return float(found[1]) if found else 0

    def accepted(self, source):
        """Pushes ("wechat") or callbacks ("im") that are on disk."""
        found = re.search(rf'^kefu_accepted_total\{{source="{source}"\}} (\S+)$', get(f"{self.ops}/metrics"), re.M)
        return float(found[1]) if found else 0

    def kill(self):
        """What it has answered with 200 must be on disk even so."""
        self.end(signal.SIGKILL)

    def stored_ids(self):
        """MsgIds of pushes and numbers of callbacks in the journal, of each event one. REQUIRES: it has ended."""
        with contextlib.closing(sqlite3.connect(self.folder / "journal.db")) as journal:
            return [int(source.partition("_")[0]) for (source,) in journal.execute("SELECT source FROM events WHERE source <> ''")]


class Worker(Program):
    def __init__(self, gateway, name, **settings):
        [ops] = free_ports(1)
        self.ops = f"http://127.0.0.1:{ops}"
        environment = {"KEFU_QUEUE_CONNECT": f"tcp://127.0.0.1:{gateway.queue_port}", "KEFU_OPS_LISTEN": f"127.0.0.1:{ops}",
                       "KEFU_LOG_LEVEL": "error", "KEFU_MEDIA_DIR": str(gateway.folder / "media"), **settings}
        super().__init__(name, [gateway.setup.bin / name], environment)

    def __enter__(self):
        return self.wait_for(f"{self.ops}/readyz")
