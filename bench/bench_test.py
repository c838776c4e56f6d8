"""Keeps the bench honest: what it counts is true, and what is lost is noticed. Nothing here is about time.

Usage: bench_test.py BIN
"""

import json
import pathlib
import sys
import types
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import pushes  # noqa: E402
import report  # noqa: E402
import ways  # noqa: E402
from bridge import Gateway, data_folder  # noqa: E402
from load import Load  # noqa: E402
from rows import Result, Row, at_least, at_most, within  # noqa: E402

SETUP = types.SimpleNamespace(bin=pathlib.Path(sys.argv[1]).resolve(), bench=HERE)


class Bench(unittest.TestCase):
    def offered(self, safe=False, **options):
        """The load, and the MsgIds in the journal of a gateway that was killed after it."""
        with data_folder(SETUP) as folder, Gateway(SETUP, folder, safe=safe) as gateway:
            load = Load(SETUP, gateway.port, safe, connections=8, **options)
            gateway.kill()
            return load, gateway.stored_ids()

    def test_every_push_is_answered_and_in_the_journal(self):
        for options in ({}, {"safe": True}, {"fresh": True}, {"rate": 1000}):
            with self.subTest(options):
                load, stored = self.offered(count=200, seconds=60, **options)
                self.assertEqual(load.faults("ours"), [])
                self.assertEqual(sorted(load.answered), list(range(load.first_id, load.first_id + 200)))
                self.assertEqual(list(load.astray("ours", stored, "in the journal")), [])
                self.assertEqual(load.figures["latency"]["count"], 200)
                self.assertEqual(sum(count for _, count in load.figures["latency"]["histogram"]), 200)

    def test_what_is_lost_or_doubled_is_noticed(self):
        load, stored = self.offered(count=20)
        self.assertEqual(len(list(load.astray("ours", stored[1:], "in the journal"))), 1)
        self.assertIn("LOST 1 of 20", next(load.astray("ours", stored[1:], "in the journal")))
        self.assertIn("1 pushes are more than once", next(load.astray("ours", stored + stored[:1], "in the journal")))

    def test_refused_pushes_are_a_fault_and_not_counted_as_answered(self):
        with data_folder(SETUP) as folder, Gateway(SETUP, folder) as gateway:
            load = Load(SETUP, gateway.port, count=20, token="another")
        self.assertEqual(load.figures["statuses"], {"403": 20})
        self.assertEqual(load.answered, {})
        self.assertEqual(load.per_second, 0)
        self.assertEqual(load.faults("ours"), ["ours: 20 pushes were refused"])

    def test_callbacks_are_answered_beside_pushes_and_in_the_journal(self):
        with data_folder(SETUP) as folder, Gateway(SETUP, folder) as gateway:
            Load(SETUP, gateway.port, count=20, customers=20)
            called = Load(SETUP, gateway.port, callbacks=True, rate=1000, count=200, customers=20, connections=8)
            gateway.kill()
            stored = gateway.stored_ids()
        self.assertEqual(called.faults("callbacks"), [])
        self.assertEqual(sorted(called.answered), list(range(called.first_id, called.first_id + 200)))
        self.assertEqual(list(called.astray("callbacks", stored, "in the journal")), [])
        lost = [one for one in stored if one != called.first_id]
        self.assertIn("LOST 1 of 200 callbacks", next(called.astray("callbacks", lost, "in the journal")))

    def test_every_message_comes_to_im_once(self):
        with ways.bridge(SETUP, 2, 20) as (gateway, im, _):
            load = Load(SETUP, gateway.port, count=200, customers=20)
            ways.wait_until_done(gateway, 220)
            arrived = ways.arrivals(im, load)
        self.assertEqual(ways.faults_of(load, arrived), [])
        self.assertEqual(len(arrived), 200)
        self.assertTrue(all(at > load.answered[msg_id][0] for msg_id, at in arrived))
        self.assertIn("LOST 1 of 200", ways.faults_of(load, arrived[1:])[0])

    def test_the_crowd_holds_on(self):
        told = {}
        with data_folder(SETUP) as folder, Gateway(SETUP, folder) as gateway, pushes.crowd(SETUP, gateway.port, 10, 10, told):
            self.assertEqual(Load(SETUP, gateway.port, count=20).faults("ours"), [])
        self.assertEqual(told["connections"], 20)

    def test_goals_are_judged(self):
        self.assertTrue(at_least("", "", 60, "/s", "bare", 100, 0.6).met)
        self.assertFalse(at_least("", "", 59, "/s", "bare", 100, 0.6).met)
        self.assertTrue(at_most("", "", 4, "ms", "fdatasync", 1, 4).met)
        self.assertFalse(at_most("", "", 5, "ms", "fdatasync", 1, 4).met)
        self.assertFalse(within("", "", 21, "MB", 20).met)
        self.assertIn("MISSED", within("", "", 21, "MB", 20).cells())

    def test_the_page_shows_the_kept_figures(self):
        docs = HERE.parent / "docs"
        record = json.loads((docs / "bench/latest.json").read_text())
        page = (docs / "performance.md").read_text()
        self.assertEqual(report.with_figures(page, record), page, "run ./dev bench: figures are not written by hand")
        for name, drawn in report.charts_of(record["details"]).items():
            xml.etree.ElementTree.fromstring(drawn)
            self.assertEqual((docs / "bench" / name).read_text(), drawn, name)

    def test_faults_and_missed_goals_are_in_the_kept_figures(self):
        facts = {"cpu": "one", "cores": 2, "memory_gb": 4, "kernel": "6", "file_system": "ext4", "load_before": 0.1, "commit": "abc"}
        result = Result([Row("rate", "pushes", 1, "/s", goal="≥ 2 /s", met=False)], ["rate: ours: LOST 1"])
        text = report.markdown(report.as_json(facts, "now", 1, {"rate": result}))
        self.assertIn("| pushes | 1 /s |  |  | ≥ 2 /s | MISSED |", text)
        self.assertIn("**Failed**: rate: ours: LOST 1", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
