"""A theory and a flow for lfmc; see docs/adding-a-theory.md and docs/extending.md of lfmc."""
