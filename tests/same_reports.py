"""Whether two of Snakemake's reports say the same, but for times, places and numbers of jobs.

    python tests/same_reports.py REPORT.html OTHER.html

Compared are the description, every result's name, labels, caption, rule, wildcards and settings,
the categories, the rules in the graph, the source of each and how many jobs of it ran. The arrows
of the graph are of one job a rule, another one at every call of Snakemake. Pictures and tables are
files of the run, which same_results.py compares.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PARTS = ("workflow_desc", "categories", "rules")


def report_differences(one: Path, two: Path) -> list[str]:
    """Names of what differs; empty if nothing does."""
    first, second = contents(one), contents(two)
    return sorted(k for k in first.keys() | second.keys() if first.get(k) != second.get(k))


def contents(path: Path) -> dict[str, Any]:
    """What a report holds, by name, without times and places."""
    page = path.read_text()
    found: dict[str, Any] = {part: variable(page, part) for part in PARTS}
    for name, result in variable(page, "results").items():
        job = result["job_properties"]
        settings = job["params"].partition("settings=")[2]  # before it: the launcher
        found[name] = [result["name"], result["labels"], result["caption"], result["mime_type"]]
        found[name] += [job["rule"], job["wildcards"], settings]
    nodes = next(d for d in variable(page, "rulegraph_spec")["data"] if d["name"] == "node-data")
    found["graph"] = sorted({node["rule"] for node in nodes["values"]})
    ran = variable(page, "runtimes_spec")["data"]["values"]
    found["jobs"] = Counter(row["rule"] for row in ran)
    return found


def variable(page: str, name: str) -> Any:
    """Value of one of the variables in which a report holds its data."""
    found = re.search(rf'<script id="[a-z-]+">\s*var {name} = ', page)
    assert found is not None, f"no {name} in the report"
    return json.JSONDecoder().raw_decode(page, found.end())[0]


if __name__ == "__main__":
    wrong = report_differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(wrong) or "the reports say the same")
    sys.exit(bool(wrong))
