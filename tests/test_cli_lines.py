"""Claims about runs that print one line per job."""

import io
import logging

import pytest

from lfmc.cli.lines import shorten, wanted

pytestmark = pytest.mark.unit


@pytest.fixture
def logged(tmp_path):
    """A logger with a stream and a file, as Snakemake has, after `shorten`."""
    logger = logging.Logger("of a test")
    stream = io.StringIO()
    file = logging.FileHandler(tmp_path / "log")
    for handler in (logging.StreamHandler(stream), file):
        logger.addHandler(handler)
    for _ in range(2):  # as where a module is used twice
        shorten(logger)
    yield logger, stream, tmp_path / "log"
    file.close()


def test_a_job_is_one_line_with_its_names_and_the_progress(logged):
    logger, stream, _ = logged
    job = {"event": "job_info", "rule_name": "measure", "wildcards": {"e": "S4", "s": "hmc"}}
    logger.info("Select jobs to execute...")
    logger.info("rule measure: ...", extra=job)
    logger.info("Finished", extra={"event": "job_finished"})
    logger.info(None, extra={"event": "progress", "done": 1, "total": 2})
    logger.info("rule all: ...", extra={**job, "rule_name": "all", "wildcards": None})
    logger.info(None, extra={"event": "progress", "done": 2, "total": 2})
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == ["measure S4 hmc", "[1 of 2 done] all", "[2 of 2 done]"]


def test_errors_warnings_and_the_log_file_stay_whole(logged):
    logger, stream, path = logged
    logger.error("Error in rule measure", extra={"event": "job_error"})
    logger.warning("Select jobs to execute... or not")
    logger.info("Select jobs to execute...")
    assert stream.getvalue().splitlines() == [
        "Error in rule measure",
        "Select jobs to execute... or not",
    ]
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LFMC_FRONT_END": "1"}, True),
        ({"LFMC_FRONT_END": "1", "VERBOSE": ""}, True),
        ({"LFMC_FRONT_END": "1", "VERBOSE": "1"}, False),
        ({"VERBOSE": "0"}, False),
    ],
)
def test_only_runs_of_make_and_lfmc_are_short_unless_verbose(environment, expected):
    assert wanted(environment) is expected
