"""Bad inputs, table-driven: each is refused in one line, or handled right, and loses nothing.

A module holds the cases of one family; `test_cases` runs them all in copies of one tiny finished
run. To add cases, add to a table, or a module to `test_cases.FAMILIES`.
"""
