"""Runs commands in this process, as click does from 8.2 on: standard error apart, and `output` with all of it."""

import inspect

from click import testing

_OLD = "mix_stderr" in inspect.signature(testing.CliRunner).parameters


class _Result(testing.Result):
    @property
    def output(self) -> str:
        return self.stdout + self.stderr


class CliRunner(testing.CliRunner):
    """click's, which before 8.2 mixes standard error in, or else leaves it out of `output`."""

    def __init__(self, charset: str = "utf-8") -> None:
        super().__init__(charset, **({"mix_stderr": False} if _OLD else {}))

    def invoke(self, *args: object, **options: object) -> testing.Result:
        result = super().invoke(*args, **options)
        if _OLD:
            result.__class__ = _Result
        return result
