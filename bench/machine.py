"""On what was measured."""

import os
import pathlib
import platform
import re
import subprocess


def cpu_model():
    found = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def memory_gb():
    return int(re.search(r"MemTotal:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024 / 1e9


def file_system_of(folder):
    """Its type. The mount that is deepest and holds the folder; the last one mounted there counts."""
    found, depth = "unknown", -1
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind = line.split()[:3]
        if folder.is_relative_to(point) and len(pathlib.PurePath(point).parts) >= depth:
            found, depth = kind, len(pathlib.PurePath(point).parts)
    return found


def commit(root):
    said = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], cwd=root, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


def facts(root, folder):
    """REQUIRES: the load has not begun."""
    return {"cpu": cpu_model(), "cores": os.cpu_count(), "memory_gb": round(memory_gb(), 1), "kernel": platform.release(),
            "file_system": file_system_of(folder.resolve()), "load_before": os.getloadavg()[0], "commit": commit(root)}


def in_words(facts_of):
    return (f"{facts_of['cpu']}, {facts_of['cores']} cores, {facts_of['memory_gb']:.0f} GB, Linux {facts_of['kernel']}, {facts_of['file_system']}; "
            f"load {facts_of['load_before']:.1f} before; commit {facts_of['commit']}")
