"""What stays of a run: JSON and charts in docs/bench/, and the table in docs/performance.md."""

import json

import charts
import machine
from rows import COLUMNS, Row

BEGIN, END = "<!-- figures: written by ./dev bench -->", "<!-- figures end -->"


def as_json(facts, when, seconds, results):
    return {"when": when, "seconds": round(seconds), "machine": facts,
            "rows": [vars(row) for result in results.values() for row in result.rows],
            "faults": [fault for result in results.values() for fault in result.faults],
            "details": {name: result.details for name, result in results.items()}}


def charts_of(details):
    """{file name: SVG}, of what was measured. What broke off has no details."""
    drawn = {}
    rounds = lambda bench: {name: each["per_second"] for name, each in details[bench].items()}
    histograms = lambda bench, names: {label: details[bench][name]["latency"]["histogram"] for name, label in names.items()}
    if details.get("rate"):
        drawn["rate.svg"] = charts.bars("Pushes taken a second, 64 keep-alive connections", "Bars are medians, dots are rounds; only ours and bullmq store them",
                                        {name: each for name, each in rounds("rate").items() if name != "sync"}, "a second")
        drawn["full_load.svg"] = charts.latencies("Answer times under full load", "64 connections, each pushes again as soon as it is answered",
                                                  histograms("rate", {"ours": "ours", "bullmq": "bullmq", "express": "express"}))
    if details.get("latency") and details.get("way"):
        drawn["latency.svg"] = charts.latencies(
            "Answers at 2,000 pushes a second, and the way to IM at 500", "Open loop: time runs from when a push was due",
            histograms("latency", {"sync": "one fdatasync", "ours": "ours: answered"}) | histograms("way", {"ours": "to the IM call"}))
    if details.get("fresh"):
        drawn["fresh.svg"] = charts.bars("A new connection for each push, 64 at a time", "Bars are medians, dots are rounds", rounds("fresh"), "a second")
    if details.get("relays"):
        drawn["relays.svg"] = charts.bars("IM calls a second when IM takes 50 ms, 8 at a time per relay", "Each relay makes 160 a second at the very most",
                                          {f"ours, {count} relay{'s' if int(count) > 1 else ''}": [value] for count, value in
                                           details["relays"]["ours"]["per_second_by_relays"].items()}, "a second")
    return drawn


def markdown(record):
    lines = [f"Measured {record['when']} on {machine.in_words(record['machine'])}.", "", "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(Row(**row).cells()) + " |" for row in record["rows"]]
    if record["faults"]:
        lines += ["", "**Failed**: " + "; ".join(record["faults"])]
    return "\n".join(lines)


def with_figures(page, record):
    """The page's text with the table of this run."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + markdown(record) + "\n" + END + rest.partition(END)[2]


def save(root, facts, when, seconds, results):
    folder, page = root / "docs/bench", root / "docs/performance.md"
    folder.mkdir(exist_ok=True)
    # As it is read again: keys are texts then.
    record = json.loads(json.dumps(as_json(facts, when, seconds, results)))
    for name, drawn in charts_of(record["details"]).items():
        (folder / name).write_text(drawn)
    (folder / "latest.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    page.write_text(with_figures(page.read_text(), record))
