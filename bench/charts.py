"""Charts as plain SVG: readable on light and dark pages, and diffable."""

import math
from html import escape

WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 150, 100, 56, 46

STYLE = """<style>
  .page { fill: #ffffff } text { fill: #24292f; font: 13px system-ui, sans-serif } .title { font-size: 16px; font-weight: 600 }
  .faint { fill: #57606a; font-size: 12px } .grid { stroke: #d0d7de } .dot { fill: #24292f; opacity: .55 }
  .ours { fill: #0969da; stroke: #0969da } .c1 { fill: #8c959f; stroke: #8c959f } .c2 { fill: #bf8700; stroke: #bf8700 }
  .c3 { fill: #8250df; stroke: #8250df } .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .faint { fill: #8d96a0 } .grid { stroke: #30363d } .dot { fill: #e6edf3 }
    .ours { fill: #4493f8; stroke: #4493f8 } .c2 { fill: #d29922; stroke: #d29922 } .c3 { fill: #ab7df8; stroke: #ab7df8 }
  }
</style>"""


def svg(height, title, note, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">\n'
            f"<title>{escape(title)}</title>\n{STYLE}\n" f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>\n')
    return head + "\n".join([text(16, 26, title, "title"), text(16, 44, note, "faint"), *parts]) + "\n</svg>\n"


def text(x, y, words, style="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def grid_line(x1, y1, x2, y2):
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


COLOURS = {"bare": "c1", "one fdatasync": "c1", "express": "c2", "to the IM call": "c2", "bullmq": "c3"}  # the same in every chart


def style_of(name):
    return "ours" if name.startswith("ours") else COLOURS.get(name, "c1")


def round_steps(most, wanted=5):
    """0 and on, in steps of 1, 2 or 5, past the most."""
    rough = most / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    return [step * index for index in range(math.ceil(most / step) + 1)]


def bars(title, note, values, unit):
    """`values`: {name: [of each round]}; the bar is the median, the dots are the rounds."""
    row, bottom = 34, TOP + 34 * len(values)
    steps = round_steps(max(max(each) for each in values.values()))
    x = lambda value: LEFT + (WIDTH - LEFT - RIGHT) * value / steps[-1]
    parts = []
    for step in steps:
        parts += [grid_line(x(step), TOP, x(step), bottom), text(x(step), bottom + 18, f"{step:,.0f}", "faint", "middle")]
    parts.append(text(WIDTH - 12, bottom + 18, unit, "faint", "end"))
    for index, (name, each) in enumerate(values.items()):
        y, middle = TOP + row * index + 6, sorted(each)[len(each) // 2]
        parts.append(text(LEFT - 10, y + 16, name, anchor="end"))
        parts.append(f'<rect class="{style_of(name)}" x="{LEFT}" y="{y}" width="{x(middle) - LEFT:.1f}" height="22" rx="2"/>')
        parts += [f'<circle class="dot" cx="{x(value):.1f}" cy="{y + 11}" r="3"/>' for value in each if len(each) > 1]
        parts.append(text(max(x(value) for value in each) + 8, y + 16, f"{middle:,.0f}"))
    return svg(bottom + BOTTOM - 14, title, note, parts)


def shares_of(histogram):
    """[(share of all that took at most so long, milliseconds)]"""
    total, so_far = sum(count for _, count in histogram), 0
    points = []
    for upper, count in histogram:
        so_far += count
        points.append((so_far / total, upper))
    return points


SHARES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999]


def nines(share):
    """0 for none, 1 for 90 %, 2 for 99 %: the tail gets the room that it deserves."""
    return min(-math.log10(max(1 - share, 1e-12)), 4)


def latencies(title, note, histograms):
    """`histograms`: {name: [[up to so many ms, count], …]}. Across: the share of all; up: within how many ms, both by powers of ten."""
    height, bottom, left = 360, 360 - BOTTOM, 64
    least = min(histogram[0][0] for histogram in histograms.values())
    most = max(histogram[-1][0] for histogram in histograms.values())
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    x = lambda share: left + (WIDTH - left - 170) * nines(share) / 4
    y = lambda ms: bottom - (bottom - TOP - 8) * (math.log10(ms) - low) / max(1, high - low)
    parts = []
    for power in range(low, high + 1):
        parts += [grid_line(left, y(10.0**power), x(1), y(10.0**power)), text(left - 8, y(10.0**power) + 4, f"{10.0**power:g} ms", "faint", "end")]
    for share in SHARES:
        parts += [grid_line(x(share), TOP + 8, x(share), bottom), text(x(share), bottom + 18, f"{100 * share:g} %", "faint", "middle")]
    parts.append(text(left, bottom + 36, "share of all that took at most so long", "faint"))
    names = sorted(histograms, key=lambda name: histograms[name][-1][0])
    label_y = bottom + 20
    for name in names:
        points = " ".join(f"{x(share):.1f},{y(ms):.1f}" for share, ms in [(0, histograms[name][0][0]), *shares_of(histograms[name])])
        parts.append(f'<polyline class="line {style_of(name)}" style="fill:none" points="{points}"/>')
        label_y = min(label_y - 18, y(histograms[name][-1][0]) + 4)  # one above the other
        parts.append(text(x(1) + 8, label_y, name))
    return svg(height, title, note, parts)
