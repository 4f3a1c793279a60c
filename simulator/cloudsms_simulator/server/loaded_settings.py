"""Loaded settings: what flags, environment and file say, put together, and where each value came from."""

import ipaddress
from collections.abc import Mapping, Set
from pathlib import Path

import msgspec

from cloudsms_simulator.server.account_kinds import callback_problem
from cloudsms_simulator.server.account_settings import AccountSettings, SaidAccount, merged_accounts
from cloudsms_simulator.server.kinds import UNFIT, take_entries
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError, suggestion
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.setting_field import PREFIX, fields_of
from cloudsms_simulator.server.settings import Settings
from cloudsms_simulator.server.toml_file import read_toml

CLIENT_VARIABLES = frozenset(
    f"{PREFIX}{name}" for name in ("URL", "ADMIN_URL", "CA", "CLIENT_CERT", "CLIENT_KEY", "AUTH_KEY", "ROUTE_ID")
)
"""Variables for the commands that are clients; a server has no use for them."""

DEFAULT = "default"
_FILE = "config"
_WITHOUT_FLAG = "accounts"


class LoadedSettings(msgspec.Struct, frozen=True):
    """Settings and their story."""

    settings: Settings
    origins: Mapping[str, str]
    """By name of the setting: `flag --port`, `environment CLOUDSMS_SIM_PORT`, `cloudsms.toml:3` or `default`."""
    warnings: tuple[str, ...] = ()
    """Lines worth showing to whoever starts the server."""
    scenario: Scenario | None = None
    """The scenario to play."""
    fixed: frozenset[str] = frozenset()
    """The settings that flags or environment say, in which a scenario has no say."""


class _Said(msgspec.Struct, frozen=True):
    """What a source says about one setting."""

    value: object
    origin: str


_Source = Mapping[str, _Said]


def load_settings(flags: Mapping[str, str], environ: Mapping[str, str]) -> LoadedSettings:
    """The settings: flags before environment before scenario before TOML file before defaults.

    `flags` are texts by name of the setting. `config`, among them or in the environment, names the TOML file. A
    scenario speaks of the seed, the profile and accounts; of an account only what it says comes before the file. A
    variable that is set to nothing counts as not set. Raises SettingsError with the problems of every source, those of
    overruled values included.
    """
    problems: list[str] = []
    from_flags, from_environment = _from_flags(flags, problems), _from_environment(environ, problems)
    named = from_flags.get(_FILE) or from_environment.get(_FILE)
    from_file = _from_file(named.value, problems) if named and isinstance(named.value, Path) else {}
    scenario = _scenario_of({**from_file, **from_environment, **from_flags}, problems)
    from_scenario = {} if scenario is None else _from_scenario(scenario, from_file, problems)
    said = {**from_file, **from_scenario, **from_environment, **from_flags}
    fitting = {name: each.value for name, each in said.items() if each.value is not UNFIT}
    settings = msgspec.structs.replace(Settings(), **fitting)
    origins = {field.name: said[field.name].origin if field.name in said else DEFAULT for field in fields_of(Settings)}
    problems.extend(_contradictions(settings, origins, said.keys() - fitting.keys()))
    if problems:
        raise SettingsError(problems)
    warnings = (*_warnings(environ), *_warnings_of(settings, origins, scenario))
    return LoadedSettings(settings, origins, warnings, scenario, frozenset({*from_environment, *from_flags}))


def without_overruled(edited: Scenario, settings: Settings, fixed: Set[str]) -> Scenario:
    """A scenario whose files were edited after `settings` were loaded, with what comes before it left out.

    That is what the `fixed` settings say. As when it was loaded first, what it says of `default` is for that account
    alone, and `callback_url` comes before its callback.
    """
    said = {each.settings.name: each for each in edited.accounts}
    for name in (account.name for account in settings.accounts):
        said.setdefault(name, SaidAccount(AccountSettings(name=name), frozenset({"name"})))
    default = said["default"]
    if settings.callback_url is not None and "callback" in default.said:
        callback = msgspec.structs.replace(default.settings.callback, url=settings.callback_url)
        changed = msgspec.structs.replace(default.settings, callback=callback)
        said["default"] = SaidAccount(changed, default.said)
    return msgspec.structs.replace(
        edited,
        seed=None if "seed" in fixed else edited.seed,
        profile=None if "profile" in fixed else edited.profile,
        accounts=tuple(said.values()),
    )


def _from_flags(flags: Mapping[str, str], problems: list[str]) -> _Source:
    return {
        field.name: _read(flags[field.name], f"flag {field.flag}", field.name, problems)
        for field in fields_of(Settings)
        if field.name in flags
    }


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> _Source:
    return {
        field.name: _read(environ[field.variable], f"environment {field.variable}", field.name, problems)
        for field in fields_of(Settings)
        if environ.get(field.variable) and field.name != _WITHOUT_FLAG
    }


def _read(text: str, origin: str, name: str, problems: list[str]) -> _Said:
    return _Said(_KINDS[name].take(text, Place(problems, origin), text=True), origin)


def _from_file(path: Path, problems: list[str]) -> _Source:
    try:
        file = read_toml(path)
    except SettingsError as error:
        problems.extend(error.problems)
        return {}
    place = Place(problems, file)
    if _FILE in file.values:
        (place / _FILE).complain_of_key('the key "config" names a file like this one and cannot stand in it')
    kinds = {name: kind for name, kind in _KINDS.items() if name != _FILE}
    values = {name: value for name, value in file.values.items() if name != _FILE}
    taken = take_entries(values, kinds, place)
    return {name: _Said(value, file.line((name,))) for name, value in taken.items()}


def _scenario_of(said: Mapping[str, _Said], problems: list[str]) -> Scenario | None:
    named = said.get("scenario")
    if named is None or not isinstance(named.value, Path):
        return None
    # Imported when there is a scenario: with YAML and all that files may say it takes longer than the other settings.
    from cloudsms_simulator.server.scenario_file import load_scenario

    try:
        return load_scenario(named.value)
    except SettingsError as error:
        problems.extend(error.problems)
        return None


def _from_scenario(scenario: Scenario, from_file: _Source, problems: list[str]) -> _Source:
    taken: dict[str, object] = {"seed": scenario.seed, "profile": scenario.profile}
    if scenario.accounts:
        known = from_file.get("accounts")
        base = known.value if known is not None and isinstance(known.value, tuple) else Settings().accounts
        try:
            taken["accounts"] = merged_accounts(base, scenario.accounts)
        except SettingsError as error:
            problems.extend(f"{scenario.path}: {problem}" for problem in error.problems)
    origin = str(scenario.path)
    return {
        name: _Said(value, scenario.origins.get(name, origin)) for name, value in taken.items() if value is not None
    }


_KINDS = {field.name: field.kind for field in fields_of(Settings)}


def _contradictions(settings: Settings, origins: Mapping[str, str], unfit: Set[str]) -> list[str]:
    """What is wrong with settings that are right each by itself; nothing is said of those that are not."""
    found = []
    if (
        unfit.isdisjoint({"admin_host", "admin_token"})
        and settings.admin_token is None
        and not _is_loopback(settings.admin_host)
    ):
        found.append(
            f"{origins['admin_host']}: admin_host: got {settings.admin_host}, which others can reach, and no "
            "token; want admin_token too (--admin-token or CLOUDSMS_SIM_ADMIN_TOKEN)"
        )
    if unfit.isdisjoint({"hosts", "admin_token"}) and settings.admin_token is None and "*" in settings.hosts:
        found.append(
            f'{origins["hosts"]}: hosts: got "*", which lets pages of any site call the admin port, and no token; want '
            "admin_token too (--admin-token or CLOUDSMS_SIM_ADMIN_TOKEN)"
        )
    if (
        unfit.isdisjoint({"port", "admin_port"})
        and settings.port == settings.admin_port != 0
        and settings.host == settings.admin_host
    ):
        found.append(
            f"{origins['admin_port']}: admin_port: got {settings.admin_port}, which is the platform's own, want another"
        )
    default = next((each for each in settings.accounts if each.name == DEFAULT), None)
    nowhere = None if default is None or settings.callback_url is not None else callback_problem(default.callback)
    if unfit.isdisjoint({"accounts", "callback_url"}) and nowhere is not None:
        found.append(f"{origins['accounts']}: account default: callback: {nowhere}; --callback-url says it as well")
    if unfit.isdisjoint({"plain", "mtls"}) and settings.plain and settings.mtls == "required":
        found.append(
            f"{origins['mtls']}: mtls: got required, and plain HTTP ({origins['plain']}: plain), which knows no "
            "certificates; want one of the two"
        )
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _warnings_of(settings: Settings, origins: Mapping[str, str], scenario: Scenario | None) -> tuple[str, ...]:
    if scenario is not None:
        return scenario.warnings
    return (f"{origins['watch']}: watch: there is no scenario to watch (--scenario)",) if settings.watch else ()


def _warnings(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {field.variable.removeprefix(PREFIX) for field in fields_of(Settings) if field.name != _WITHOUT_FLAG}
    ours = sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX))
    return tuple(
        f"environment {PREFIX}{name}: there is no such setting{suggestion(name, known, prefix=PREFIX)}"
        for name in ours
        if name not in known and f"{PREFIX}{name}" not in CLIENT_VARIABLES
    )
