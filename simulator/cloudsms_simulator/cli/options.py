"""The options of the commands that take settings: one for each setting, made of its field."""

import functools
import os
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import click
from click.shell_completion import CompletionItem

from cloudsms_simulator.server.kinds import PathKind
from cloudsms_simulator.server.loaded_settings import LoadedSettings, load_settings
from cloudsms_simulator.server.setting_field import SettingField, fields_of
from cloudsms_simulator.server.setting_kinds import ON_OFF
from cloudsms_simulator.server.setting_values import field_value
from cloudsms_simulator.server.settings import Settings
from cloudsms_simulator.server.toml_text import toml_text

P = ParamSpec("P")
R = TypeVar("R")


def settings_options(command: Callable[Concatenate[LoadedSettings, P], R]) -> Callable[..., R]:
    """Gives a command every setting as an option, and calls it with the settings that flags, environment and file make.

    Warnings are printed to standard error first. Bad settings raise SettingsError, which the group explains.
    """

    @functools.wraps(command)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        flags: dict[str, str] = {}
        for field in OFFERED:
            given = kwargs.pop(field.name, None)
            if given is not None:
                flags[field.name] = _as_text(given)
        loaded = load_settings(flags, os.environ)
        for warning in loaded.warnings:
            click.echo(f"Warning: {warning}", err=True)
        return command(loaded, *args, **kwargs)

    offering: Callable[..., R] = with_settings
    for field in reversed(OFFERED):
        offering = _option(field)(offering)
    return offering


OFFERED = tuple(field for field in fields_of(Settings) if field.name != "accounts")
"""The settings that have a flag: all but the tables of accounts."""


def _option(field: SettingField) -> Callable[[Callable[..., R]], Callable[..., R]]:
    default = None if field.default is None else field_value(field, field.default)
    shown = f"; default {default if isinstance(default, str) else toml_text(default)}" if default else ""
    text = f"{field.doc} [{field.variable}{shown}]"
    if field.kind is ON_OFF:
        return click.option(f"{field.flag}/--no-{field.flag[2:]}", field.name, default=None, help=text)
    if isinstance(field.kind, PathKind):
        return click.option(field.flag, field.name, type=click.Path(), metavar=field.kind.metavar, help=text)
    words = field.kind.metavar.split("|")

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in words if word.islower() and word.startswith(incomplete)]

    return click.option(field.flag, field.name, metavar=field.kind.metavar, shell_complete=complete, help=text)


def _as_text(given: object) -> str:
    if isinstance(given, bool):
        return "on" if given else "off"
    return str(given)
