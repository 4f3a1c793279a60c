"""The settings of a server: what there is to set, how it is loaded, where each value came from, and how it is shown.

A setting is a field of `Settings` with its docstring. `load_settings` puts flags before environment before scenario
before TOML file before defaults, notes the origin of each value, and raises one SettingsError for the mistakes of
every source. `setting_values` gives the values as TOML holds them, keys as fingerprints and tokens masked: what
`config show` prints.

Spec: CloudSMS Platform Server; the rest is the simulator's own.
"""

import ipaddress
from collections.abc import Mapping, Set
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.config import SettingsError, suggestion
from cloudsms_simulator.config.account_schema import (
    ACCOUNTS,
    AccountOverrides,
    AccountSettings,
    callback_problem,
    merged_accounts,
)
from cloudsms_simulator.config.scenario import SCENARIO_FILE, Scenario
from cloudsms_simulator.config.schema import (
    INVALID,
    VARIABLE_PREFIX,
    SettingTable,
    fields_of,
    parse_entries,
)
from cloudsms_simulator.config.sources import Location, TomlValue, read_toml
from cloudsms_simulator.config.values import (
    ANY_PATH,
    BASE_PATH,
    CLOCK,
    COUNT,
    COUNT_FROM_ZERO,
    FILE,
    FOLDER,
    HOST,
    HOSTS,
    NETWORKS,
    NO_SWITCHES,
    ON_OFF,
    PORT,
    POSITIVE_DURATION,
    SIZE,
    STORE,
    SWITCHES,
    TOKEN,
    URL,
    Switches,
    choice_type,
    profile_with,
)
from cloudsms_simulator.engine.account import ANY_KEY_OR_ROUTE, Account, Network, whitelist_admits
from cloudsms_simulator.models.server import ClockMode, StorePlace
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import PROFILES, Profile

# What there is to set.

KIB = 1024
MIB = 1024 * KIB


class Settings(SettingTable, frozen=True, kw_only=True):
    """The settings of one server. The defaults are those of a simulator nobody configured."""

    host: Annotated[str, HOST] = "127.0.0.1"
    """Address the platform listens on. Nothing beyond loopback unless told so."""
    port: Annotated[int, PORT] = 61815
    """Port of the platform; 0 takes any free one."""
    admin_host: Annotated[str, HOST] = "127.0.0.1"
    """Address of the admin API and inbox, plain HTTP. Beyond loopback it demands admin_token."""
    admin_port: Annotated[int, PORT] = 61816
    """Port of the admin API and inbox; 0 takes any free one."""
    admin_token: Annotated[str | None, TOKEN] = None
    """Token the admin API asks for; without one it asks for none."""
    admin_path: Annotated[str | None, BASE_PATH] = None
    """Base path of the admin API and inbox behind a proxy that leaves it in or takes it off."""
    asgi_admin: Annotated[Literal["token", "open"], choice_type("token", "open")] = "token"
    """Who may use the admin API and inbox inside another ASGI server: whoever says admin_token, or everybody."""
    plain: Annotated[bool, ON_OFF] = False
    """Speak plain HTTP on the platform's port instead of HTTPS."""
    mtls: Annotated[Literal["off", "optional", "required"], choice_type("off", "optional", "required")] = "optional"
    """Client certificates: not asked for, looked at when shown, or demanded."""
    certs: Annotated[Path | None, FOLDER] = None
    """Folder of the certificates, made there when absent. Without it: fresh ones in a private temporary folder, gone at
    the end."""
    hosts: Annotated[tuple[str, ...], HOSTS] = ()
    """Names and addresses in the platform's certificate beside localhost, 127.0.0.1 and ::1, and by which the admin
    port may be called too; for the latter "10.0.0.0/8" is every address in it, and "*" any host (wants admin_token)."""
    client_ca: Annotated[Path | None, FILE] = None
    """PEM file of the authority that customers' certificates come from, trusted beside our own."""
    config: Annotated[Path | None, FILE] = None
    """TOML file with settings. Named by flag or variable only."""
    profile: Annotated[Literal["spec", "observed"], choice_type(*PROFILES)] = "spec"
    """Which platform speaks: the one the specification promises, or the one observed on the wire."""
    switches: Annotated[Switches, SWITCHES] = NO_SWITCHES
    """Single switches of the profile, each as NAME=VALUE; a table in TOML."""
    clock: Annotated[ClockMode, CLOCK] = "real"
    """Clock of the accounts: real, frozen, or so many times as fast as real time."""
    scenario: Annotated[Path | None, SCENARIO_FILE] = None
    """Scenario to play: the name of a bundled one, or a file. It comes before what the TOML file says."""
    watch: Annotated[bool, ON_OFF] = False
    """Read the scenario's files again when they change. A bad edit is told of, and the old one stays."""
    seed: Annotated[int | None, COUNT_FROM_ZERO] = None
    """Seed of every random draw; without it each run has its own, which it prints."""
    callback_url: Annotated[str | None, URL] = None
    """Where the delivery reports of the account `default` are pushed, whatever its table says."""
    journal_messages: Annotated[int, COUNT] = 10_000
    """Messages kept; the oldest that have nothing left to do make room."""
    journal_bytes: Annotated[int, SIZE] = 64 * MIB
    """Memory the journal may take; likewise."""
    store: Annotated[StorePlace | None, STORE] = None
    """Where everything is kept: memory, gone when the server ends, or a database that survives it."""
    ready_file: Annotated[Path | None, ANY_PATH] = None
    """File written once connections work: one JSON object with url, admin_url, ca, client_cert, client_key, auth_key,
    route_id and pid."""
    log_format: Annotated[Literal["text", "json"], choice_type("text", "json")] = "text"
    """Log lines for people, or one JSON object each."""
    body_limit: Annotated[int, SIZE] = MIB
    """Largest body of a request; a larger one gets HTTP 413."""
    body_timeout: Annotated[timedelta, POSITIVE_DURATION] = timedelta(seconds=30)
    """How long a body may take to arrive before the connection is closed."""
    keep_alive: Annotated[timedelta, POSITIVE_DURATION] = timedelta(seconds=240)
    """How long an idle connection stays open."""
    whitelist: Annotated[tuple[Network, ...], NETWORKS] = ()
    """Networks that may connect to the platform; empty for any."""
    accounts: Annotated[tuple[AccountSettings, ...], ACCOUNTS] = (AccountSettings(),)
    """The customers, as [[accounts]] tables; one named `default` is always among them."""

    @property
    def certificate_hosts(self) -> tuple[str, ...]:
        """Those of `hosts` that a certificate can be good for: no networks, and not any."""
        return tuple(host for host in self.hosts if host != "*" and "/" not in host)

    def server_profile(self, named: Literal["spec", "observed"] | None = None) -> Profile:
        """The profile with its switches, for exchanges that belong to no account; or another one with them."""
        return profile_with(PROFILES[named or self.profile], self.switches)

    def server_accounts(self) -> tuple[Account, ...]:
        """The accounts, with the server's profile where they have none of their own, and `callback_url` in place."""
        profile = self.server_profile()
        accounts = (account.account(profile) for account in self.accounts)
        return tuple(self._with_callback_url(account) for account in accounts)

    def admits(self, host: str) -> bool:
        """Whether a peer's address is on the server's whitelist."""
        return whitelist_admits(self.whitelist, host)

    def _with_callback_url(self, account: Account) -> Account:
        if self.callback_url is None or account.name != "default":
            return account
        callback = msgspec.structs.replace(account.callback, url=self.callback_url)
        return msgspec.structs.replace(account, callback=callback)


# How settings are loaded.

CLIENT_VARIABLES = frozenset(
    f"{VARIABLE_PREFIX}{name}"
    for name in ("URL", "ADMIN_URL", "CA", "CLIENT_CERT", "CLIENT_KEY", "AUTH_KEY", "ROUTE_ID")
)
"""Variables for the commands that are clients; a server has no use for them."""

DEFAULT_ORIGIN = "default"
_FILE = "config"
_WITHOUT_FLAG = "accounts"


class LoadedSettings(msgspec.Struct, frozen=True):
    """Settings as they were loaded: where each came from, the scenario to play, and what is worth a warning."""

    settings: Settings
    origins: Mapping[str, str]
    """By name of the setting: `flag --port`, `environment CLOUDSMS_SIM_PORT`, `cloudsms.toml:3` or `default`."""
    warnings: tuple[str, ...] = ()
    """Lines worth showing to whoever starts the server."""
    scenario: Scenario | None = None
    """The scenario to play."""
    fixed: frozenset[str] = frozenset()
    """The settings that flags or environment set; no scenario changes them."""


class _GivenValue(msgspec.Struct, frozen=True):
    """What a source says about one setting."""

    value: object
    origin: str


_Source = Mapping[str, _GivenValue]


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
    fitting = {name: each.value for name, each in said.items() if each.value is not INVALID}
    settings = msgspec.structs.replace(Settings(), **fitting)
    origins = {
        field.name: said[field.name].origin if field.name in said else DEFAULT_ORIGIN for field in fields_of(Settings)
    }
    problems.extend(_contradictions(settings, origins, said.keys() - fitting.keys()))
    if problems:
        raise SettingsError(problems)
    warnings = (*_warnings(environ), *_warnings_of(settings, origins, scenario))
    return LoadedSettings(settings, origins, warnings, scenario, frozenset({*from_environment, *from_flags}))


_SETTING_TYPES = {field.name: field.kind for field in fields_of(Settings)}


def _from_flags(flags: Mapping[str, str], problems: list[str]) -> _Source:
    return {
        field.name: _given_value(flags[field.name], f"flag {field.flag}", field.name, problems)
        for field in fields_of(Settings)
        if field.name in flags
    }


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> _Source:
    return {
        field.name: _given_value(environ[field.variable], f"environment {field.variable}", field.name, problems)
        for field in fields_of(Settings)
        if environ.get(field.variable) and field.name != _WITHOUT_FLAG
    }


def _given_value(text: str, origin: str, name: str, problems: list[str]) -> _GivenValue:
    return _GivenValue(_SETTING_TYPES[name].take(text, Location(problems, origin), text=True), origin)


def _from_file(path: Path, problems: list[str]) -> _Source:
    try:
        file = read_toml(path)
    except SettingsError as error:
        problems.extend(error.problems)
        return {}
    location = Location(problems, file)
    if _FILE in file.values:
        (location / _FILE).key_error('the key "config" names a file like this one and cannot stand in it')
    types = {name: each for name, each in _SETTING_TYPES.items() if name != _FILE}
    values = {name: value for name, value in file.values.items() if name != _FILE}
    taken = parse_entries(values, types, location)
    return {name: _GivenValue(value, file.line((name,))) for name, value in taken.items()}


def _scenario_of(said: Mapping[str, _GivenValue], problems: list[str]) -> Scenario | None:
    named = said.get("scenario")
    if named is None or not isinstance(named.value, Path):
        return None
    # Imported when there is a scenario: with YAML and all that files may say it takes longer than the other settings.
    from cloudsms_simulator.config.scenario_file import load_scenario

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
        name: _GivenValue(value, scenario.origins.get(name, origin))
        for name, value in taken.items()
        if value is not None
    }


def _contradictions(settings: Settings, origins: Mapping[str, str], invalid: Set[str]) -> list[str]:
    """Returns what is wrong with settings that are right each by itself; those that are `invalid` are left out."""
    found = []
    if (
        invalid.isdisjoint({"admin_host", "admin_token"})
        and settings.admin_token is None
        and not _is_loopback(settings.admin_host)
    ):
        found.append(
            f"{origins['admin_host']}: admin_host: got {settings.admin_host}, which others can reach, and no "
            "token; want admin_token too (--admin-token or CLOUDSMS_SIM_ADMIN_TOKEN)"
        )
    if invalid.isdisjoint({"hosts", "admin_token"}) and settings.admin_token is None and "*" in settings.hosts:
        found.append(
            f'{origins["hosts"]}: hosts: got "*", which lets pages of any site call the admin port, and no token; want '
            "admin_token too (--admin-token or CLOUDSMS_SIM_ADMIN_TOKEN)"
        )
    if (
        invalid.isdisjoint({"port", "admin_port"})
        and settings.port == settings.admin_port != 0
        and settings.host == settings.admin_host
    ):
        found.append(
            f"{origins['admin_port']}: admin_port: got {settings.admin_port}, which is the platform's own, want another"
        )
    default = next((each for each in settings.accounts if each.name == DEFAULT_ORIGIN), None)
    nowhere = None if default is None or settings.callback_url is not None else callback_problem(default.callback)
    if invalid.isdisjoint({"accounts", "callback_url"}) and nowhere is not None:
        found.append(f"{origins['accounts']}: account default: callback: {nowhere}; --callback-url says it as well")
    if invalid.isdisjoint({"plain", "mtls"}) and settings.plain and settings.mtls == "required":
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
    known = {
        field.variable.removeprefix(VARIABLE_PREFIX) for field in fields_of(Settings) if field.name != _WITHOUT_FLAG
    }
    ours = sorted(name.removeprefix(VARIABLE_PREFIX) for name in environ if name.startswith(VARIABLE_PREFIX))
    return tuple(
        f"environment {VARIABLE_PREFIX}{name}: there is no such setting"
        f"{suggestion(name, known, prefix=VARIABLE_PREFIX)}"
        for name in ours
        if name not in known and f"{VARIABLE_PREFIX}{name}" not in CLIENT_VARIABLES
    )


def without_overruled(edited: Scenario, settings: Settings, fixed: Set[str]) -> Scenario:
    """Returns a scenario whose files were edited after `settings` were loaded, without what it has no say in.

    It has none in the `fixed` settings. As when it was loaded first, what it says of `default` is for that account
    alone, and `callback_url` comes before its callback.
    """
    said = {each.settings.name: each for each in edited.accounts}
    for name in (account.name for account in settings.accounts):
        said.setdefault(name, AccountOverrides(AccountSettings(name=name), frozenset({"name"})))
    default = said["default"]
    if settings.callback_url is not None and "callback" in default.said:
        callback = msgspec.structs.replace(default.settings.callback, url=settings.callback_url)
        changed = msgspec.structs.replace(default.settings, callback=callback)
        said["default"] = AccountOverrides(changed, default.said)
    return msgspec.structs.replace(
        edited,
        seed=None if "seed" in fixed else edited.seed,
        profile=None if "profile" in fixed else edited.profile,
        accounts=tuple(said.values()),
    )


# How settings are shown.

MASK = "********"
"""Shown in place of a token."""


def setting_values(settings: SettingTable) -> Mapping[str, TomlValue]:
    """Every setting that is not None, by name, in its order; AUTH_KEYs as fingerprints, tokens as `********`."""
    values: dict[str, TomlValue] = {}
    for field in fields_of(type(settings)):
        value = getattr(settings, field.name)
        if field.kind is ACCOUNTS:
            values[field.name] = [setting_values(account) for account in value]
        elif value is not None:
            values[field.name] = _hidden(field.name, str(value)) if field.kind.secret else field.kind.dump(value)
    return values


def _hidden(name: str, secret: str) -> str:
    if secret == ANY_KEY_OR_ROUTE:
        return ANY_KEY_OR_ROUTE
    return fingerprint(secret) if name == "auth_key" else MASK
