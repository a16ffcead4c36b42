"""Claims about the language of documents and code: standard terms of the field, and no others."""

import re

import pytest

pytestmark = pytest.mark.unit

# Folders with the names of files in them, and single files; a further folder is one line.
PLACES = (
    ("docs", "**/*.md"),
    ("docs/notebooks", "*.ipynb"),
    (".", "*.md"),
    (".", "Makefile"),
    ("config", "*.md"),
    ("lfmc", "**/*.py"),
    ("lfmc", "**/*.yaml"),
    ("tests", "**/*.py"),
    ("benchmarks", "**/*.py"),
    ("benchmarks", "*.md"),
    ("workflow", "**/*.py"),
    ("workflow", "**/*.smk"),
    ("workflow", "**/*.rst"),
    ("workflow", "**/*.yaml"),
    ("workflow", "Snakefile"),
    (".", "Snakefile"),
    (".", "*.toml"),
    ("envs", "*.py"),
)
# What may stay: keys of checkpoints, digits of a number, and this file's own examples.
KEPT = {
    "lfmc/training/natural.py": "'known_good'",
    "lfmc/training/state.py": "'asked'",
    "lfmc/config/yaml_reader.py": "'.0123456789'",
    "tests/forked/server.py": "'listen'",
}
OWN = "tests/test_language.py"
UNITS = (
    "batch|block|call|chain|chunk|command|configuration|core|cycle|ensemble|field|"
    "figure|file|flow|job|lattice|line|mode|model|node|number|parameter|part|point|"
    "process|proposal|rank|ring|row|run|rung|sample|second|set|site|stage|start|"
    "step|sweep|table|target|task|test|thread|trajectory|update|volume"
)
COUNTED = (
    r"\d|one(?: (?!as|at|by|for|from|in|is|of|on|per|to|with)\w+)?|numbers?|weights?|files?|rows?|"
    r"points?|samples|sites|proposals|steps|bits|bytes|kB|MB|seconds|s|ms|us|microseconds|minutes|"
    r"times|ranks|terms|trainings|updates|clusters"
)
# Expression -> the term of the field.
INSTEAD = {
    r"houses?(?:'s)?": "package",
    r"rooms?": "module, package or workspace",
    r"(?<!np\.)(?<!math\.)floors?": "layer",
    r"journeys?": "pipeline",
    r"listen(?:s|ed|ing)?(?! (?:at|on)\b)": "the conditioner, or: accept connections",
    r"said": "an output of the conditioner, or: stated",
    r"asked": "requested",
    r"slots?": "offset",
    r"twins?": "a negative control that must fail, or: reference version",
    r"astray": "diverged",
    r"honest(?:ly)?": "unbiased or complete",
    r"known[ _]good": "last accepted",
    r"forgotten": "earlier batches still contribute to the fit",
    r"once (?:less|more than)": "one evaluation fewer",
    r"(?:tell|hear|give|take)(?=\()": "send_ or receive_command, send_ or receive_array",
    rf"(?:{COUNTED}) an? (?:{UNITS})": "per",
    r"(?<![\w.)\]}\\\"])\.\d+": "a zero before the point",
    r"log_w": "log_weight",
    r"spread(?=\()": "broadcast",
}
NOT = {
    re.compile(rf"(?<![\w/]){pattern}(?!\w)", re.IGNORECASE): term
    for pattern, term in INSTEAD.items()
}


def faults(text):
    """Expressions of a text that have a standard term, each with it; code counts as text."""
    found = []
    for line in text.splitlines():
        for pattern, term in NOT.items():
            found += [f"{match[0]!r} -> {term}" for match in pattern.finditer(line)]
    return found


def texts(root):
    found = [path for folder, names in PLACES for path in sorted((root / folder).glob(names))]
    return [path for path in found if path != root / OWN]


def left(root, path):
    """Faults of a file but for those that may stay."""
    kept = KEPT.get(str(path.relative_to(root)), "no fault")
    return [fault for fault in faults(path.read_text()) if not fault.startswith(kept)]


def test_no_private_term_is_left(root):
    found = {str(path.relative_to(root)): left(root, path) for path in texts(root)}
    assert {name: seen for name, seen in found.items() if seen} == {}


def test_every_exception_is_needed(root):
    for name, kept in KEPT.items():
        assert [fault for fault in faults((root / name).read_text()) if fault.startswith(kept)]


def test_every_place_holds_texts(root):
    names = {path.name for path in texts(root)}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "method.md"} <= names
    assert {"fisher.py", "conftest.py", "gradients.py", "common.smk", "fields.rst"} <= names
    assert len(names) > 300


@pytest.mark.parametrize(
    "text",
    [
        "the house's style",
        "A room imports from floors below",
        "what the frozen half said",
        "a twin that must fail",
        "an honest competitor",
        "acceptance .92",
        "from 0.9 to .95,",
        "one number a row",
        "one file a figure",
        "4096 samples a step",
        "it went astray",
        "team.tell(command)",
        "log_w = evaluate(flow, z)",
        "total = spread(0.0)",
    ],
)
def test_a_private_term_is_seen(text):
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "acceptance 0.92 in results/hmc.5, version 2.13.0",
        "one number per row",
        "a household word, the roommate, the flooring",
        "as a row of the table",
        "to take a step back",
        "the spread of the samples",
        "daemons listen on the loopback only",
        'match=r"0\\.99"',
        "np.floor(x)",
        "the number of a block, and one for a rank",
    ],
)
def test_a_standard_term_passes(text):
    assert faults(text) == []


def long_lines(text):
    """Lines of prose above 100 characters: tables, links and code keep their lines."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for line in prose.splitlines() if len(line) > 100 and not kept(line)]


def kept(line):
    return line.startswith(("|", "    ", "!["))


def test_lines_of_documents_are_at_most_100_characters(root):
    found = {
        path.name: long_lines(path.read_text()) for path in texts(root) if path.suffix == ".md"
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_long_line_is_seen():
    assert long_lines("word " * 25) == ["word " * 25]
    assert long_lines("| word " * 25) == []
