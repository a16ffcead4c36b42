"""Texts of config.yaml that YAML 1.2 does not have, or that mean something else than they seem."""

from bad_inputs.cases import Case
from bad_inputs.preparing import configuration

CHECK = "config check"
ONE = "ensembles: [{name: T4, L: 4, m2: -4.0, lam: 9.0}]\n"
BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)

WRONG = (
    ("key twice", f"{ONE}seed: 1\nseed: 2\n", ("line 3: seed is given twice .first on line 2",)),
    ("section twice", f"{ONE}fit: {{}}\nfit: {{}}\n", ("line 3: fit is given twice",)),
    ("key twice inside", f"{ONE}accept: {{burn_in: 1, burn_in: 2}}", ("burn_in is given twice",)),
    ("key twice in a list", "ensembles: [{name: A, name: B}]", ("name is given twice",)),
    ("key twice, once quoted", f"{ONE}seed: 1\n'seed': 2\n", ("seed is given twice",)),
    ("number as a key", f"{ONE}1: 2", ("a key must be a word, not 1",)),
    ("null as a key", f"{ONE}null: 2", ("a key must be a word, not null",)),
    ("truth as a key", f"{ONE}true: 2", ("a key must be a word, not true",)),
    ("empty key", f"{ONE}fit: {{: 2}}", ("a key must be a word|not valid YAML",)),
    ("list as a key", f"{ONE}? [a, b]\n: 2", ("a key must be a word",)),
    ("section as a key", f"{ONE}? {{a: b}}\n: 2", ("a key must be a word",)),
    ("merge key", f"{ONE}<<: {{seed: 2}}", ("merge keys",)),
    ("unknown alias", f"{ONE}seed: *other", ("undefined alias",)),
    ("alias of itself", f"{ONE}fit: &a {{L: *a}}", ("alias of itself",)),
    ("alias bomb", ONE + BOMB, ("more than 500000 values",)),
    ("nested deep", f"{ONE}fit: {'[' * 100}{']' * 100}", ("nested more than",)),
    ("nested without end", f"{ONE}fit: {'[' * 50_000}", ("nested more than",)),
    ("maps without end", f"{ONE}fit: {'{a: ' * 5000}", ("nested more than",)),
    ("tag of Python", "!!python/object/apply:os.system ['touch PWNED']", ("tag .* is not read",)),
    ("tag of an integer", f"{ONE}seed: !!int '3'", ("tag .* is not read",)),
    ("tag of one's own", f"{ONE}seed: !mine 3", ("tag !mine is not read",)),
    ("binary tag", f"{ONE}results: !!binary aGk=", ("tag .* is not read",)),
    ("two documents", f"{ONE}---\n{ONE}", ("single document",)),
    ("directive alone", "%YAML 1.2\n", ("not valid YAML",)),
    ("tab for indentation", "ensembles:\n\t- name: A\n", ("line 2.*cannot start any token",)),
    ("control character", f"{ONE}seed: \x07", ("control character",)),
    ("null byte", f"{ONE}seed: \x00", ("control character",)),
    ("bytes that are no text", b"\x89PNG\r\n\x1a\n\x00\xff\xfe", ("line 1: not UTF-8",)),
    ("Latin-1", f"{ONE}results: gr\xfcn\n".encode("latin-1"), ("line 2: not UTF-8",)),
    ("UTF-16", ONE.encode("utf-16"), ("line 1: not UTF-8",)),
    ("half a character", f"{ONE}results: ".encode() + b"\xc3", ("not UTF-8",)),
    ("surrogate", f'{ONE}results: "\\ud800"', ("not Unicode",)),
    ("character beyond Unicode", f'{ONE}results: "\\U00110000"', ("not valid YAML",)),
    ("unknown escape", f'{ONE}results: "\\q"', ("unknown escape character 'q'",)),
    ("open quote", f"{ONE}results: 'x", ("end of stream",)),
    ("open bracket", f"{ONE}fit: {{L: [4, 6, 8}}", ("not valid YAML",)),
    ("at sign", f"{ONE}results: @x", ("cannot start any token",)),
    ("back quote", f"{ONE}results: `x`", ("cannot start any token",)),
    ("two colons", f"{ONE}seed: 1: 2", ("mapping values are not allowed",)),
    ("no space after a colon", "seed:1\n", ("expected a mapping",)),
    ("indentation", "ensembles:\n  - name: A\n   L: 4\n", ("line 3",)),
    ("word alone", "ensembles", ("expected a mapping",)),
    ("number alone", "7", ("expected a mapping",)),
    ("comment alone", "# nothing\n", ("expected a mapping",)),
    ("null alone", "~", ("expected a mapping",)),
    ("date that is none", f"{ONE}results: 2001-99-99", ("quote '2001-99-99'",)),
    ("time that is none", f"{ONE}results: 2001-01-01 99:99:99", ("quote '2001-01-01 99:99:99'",)),
    ("equals sign", f"{ONE}results: =", ("quote '='",)),
    ("prefix of a number", f"{ONE}results: 0x_", ("quote '0x_'",)),
    ("sexagesimal", f"{ONE}seed: 1:30", ("seed: must be a whole number .got '1:30'",)),
    ("underscores", f"{ONE}seed: 1_000", ("seed: must be a whole number .got '1_000'",)),
    ("binary number", f"{ONE}seed: 0b11", ("seed: must be a whole number",)),
    ("yes is a word", f"{ONE}seed: yes", ("seed: must be a whole number .got 'yes'",)),
    ("on is a word", f"{ONE}seed: on", ("seed: must be a whole number .got 'on'",)),
    ("name that is a number", ONE.replace("T4", "010"), ("name: must be text; quote it",)),
    ("name that is a float", ONE.replace("T4", "1e5"), ("name: must be text; quote it",)),
    ("name that is a truth", ONE.replace("T4", "true"), ("name: must be text; quote it",)),
    ("name that is null", ONE.replace("T4", "null"), ("name: is empty",)),
    ("number of many digits", f"{ONE}seed: {'9' * 5000}", ("a number of 5000 characters",)),
    ("float of many digits", f"{ONE}seed: 1.{'9' * 5000}", ("a number of 5002 characters",)),
    ("float that overflows", ONE.replace("9.0", "1e999"), ("lam: must be a finite number",)),
    ("larger than any", b"# " + b"x" * 5_000_000, ("larger than",)),
    ("many problems", f"{ONE}" + "".join(f"k{n}: 1\n" for n in range(30)), ("and 10 more",)),
    ("long key", f"{ONE}{'k' * 3000}: 1\n", ("unknown key|not valid YAML",)),
    ("long value", f"{ONE}seed: {'word ' * 1000}\n", ("seed: must be a whole number",)),
    ("escape sequence", f'{ONE}"\\e[31mred": 1\n', ("unknown key",)),
    ("code for a template", f'{ONE}__use_yte__: true\nresults: "?1/0"', ("unknown key",)),
)

RIGHT = (
    ("numbers of YAML 1.2", f"{ONE}statistics: {{configurations: 1e6}}\nseed: 010\n"),
    ("exponent without a point", f"{ONE}flow: {{training: {{natural: {{damping: 2e-5}}}}}}"),
    ("whole float", ONE.replace("L: 4", "L: 4.0")),
    ("JSON", '{"ensembles": [{"name": "A", "L": 4, "m2": -4, "lam": 9}]}'),
    ("byte order mark", f"\ufeff{ONE}"),
    ("lines of DOS", ONE.replace("\n", "\r\n")),
    ("anchors", "ensembles: [{name: A, L: 4, m2: &m -4, lam: 9}, {name: B, L: 4, m2: *m, lam: 8}]"),
    ("end of document", f"---\n{ONE}...\n"),
    ("name that is yes", ONE.replace("T4", "yes")),
    ("Unicode in a folder", f"{ONE}results: gr\u00fcn # \u00f6\n"),
    ("quoted date", f"{ONE}results: '2001-99-99'"),
)

CASES = (
    *(Case(name, CHECK, says, configuration(text)) for name, text, says in WRONG),
    *(Case(name, CHECK, ("valid; ",), configuration(text), True) for name, text in RIGHT),
)
