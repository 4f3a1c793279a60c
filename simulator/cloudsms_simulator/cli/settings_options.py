"""The options of `serve` and `config`: one for each setting, made of its field.

Flags count before the environment, and that before the file. Bad settings are one SettingsError with all problems.
"""

import functools
import os
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import click
from click.shell_completion import CompletionItem

from cloudsms_simulator.config.schema import PathType, SettingField, fields_of
from cloudsms_simulator.config.settings import LoadedSettings, Settings, load_settings
from cloudsms_simulator.config.sources import toml_text
from cloudsms_simulator.config.values import ON_OFF

P = ParamSpec("P")
R = TypeVar("R")


def settings_options(command: Callable[Concatenate[LoadedSettings, P], R]) -> Callable[..., R]:
    """Gives a command every setting as an option, and calls it with the settings that flags, environment and file make.

    Warnings are printed to standard error first. Bad settings raise SettingsError, which the group explains.
    """

    @functools.wraps(command)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        flags: dict[str, str] = {}
        for field in OFFERED_SETTINGS:
            given = kwargs.pop(field.name, None)
            if given is not None:
                flags[field.name] = _as_text(given)
        loaded = load_settings(flags, os.environ)
        for warning in loaded.warnings:
            click.echo(f"Warning: {warning}", err=True)
        return command(loaded, *args, **kwargs)

    offering: Callable[..., R] = with_settings
    for field in reversed(OFFERED_SETTINGS):
        offering = _option(field)(offering)
    return offering


OFFERED_SETTINGS = tuple(field for field in fields_of(Settings) if field.name != "accounts")
"""The settings that have a flag: all but the tables of accounts."""


def _option(field: SettingField) -> Callable[[Callable[..., R]], Callable[..., R]]:
    default = None if field.default is None else field.kind.dump(field.default)
    shown = f"; default {default if isinstance(default, str) else toml_text(default)}" if default else ""
    text = f"{field.doc} [{field.variable}{shown}]"
    if field.kind is ON_OFF:
        return click.option(f"{field.flag}/--no-{field.flag[2:]}", field.name, default=None, help=text)
    if isinstance(field.kind, PathType):
        return click.option(field.flag, field.name, type=click.Path(), metavar=field.kind.metavar, help=text)
    words = field.kind.metavar.split("|")

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in words if word.islower() and word.startswith(incomplete)]

    return click.option(field.flag, field.name, metavar=field.kind.metavar, shell_complete=complete, help=text)


def _as_text(given: object) -> str:
    if isinstance(given, bool):
        return "on" if given else "off"
    return str(given)
