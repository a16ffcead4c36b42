"""Stages of a run in this process: starting ten or twenty of them would take most of the time."""

from click.testing import CliRunner

from lfmc.cli.main import lfmc as command


def stage_runner(config):
    """Call with a stage and its options."""

    def done(stage, *options):
        found = CliRunner().invoke(command, [stage, "--config", config, *options])
        assert found.exit_code == 0, found.output

    return done
