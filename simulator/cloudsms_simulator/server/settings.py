"""Settings: everything a server can be told when it starts. A setting is a field with its docstring.

Spec: CloudSMS Platform Server; the rest is the simulator's own.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.engine.account import Account, Network, admits
from cloudsms_simulator.protocol.profile import PROFILES, Profile
from cloudsms_simulator.server.account_settings import ACCOUNTS, AccountSettings
from cloudsms_simulator.server.scenario_setting import SCENARIO_FILE
from cloudsms_simulator.server.server_item import ClockMode
from cloudsms_simulator.server.setting_field import SettingTable
from cloudsms_simulator.server.setting_kinds import (
    AMOUNT,
    CLOCK,
    COUNT,
    FILE,
    FOLDER,
    HOST,
    HOSTS,
    NETWORKS,
    ON_OFF,
    PATH,
    PORT,
    POSITIVE_DURATION,
    SIZE,
    TOKEN,
    URL,
    choice,
)
from cloudsms_simulator.server.switches import NO_SWITCHES, SWITCHES, Switches, profile_with

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
    plain: Annotated[bool, ON_OFF] = False
    """Speak plain HTTP on the platform's port instead of HTTPS."""
    mtls: Annotated[Literal["off", "optional", "required"], choice("off", "optional", "required")] = "optional"
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
    profile: Annotated[Literal["spec", "observed"], choice(*PROFILES)] = "spec"
    """Which platform speaks: the one the specification promises, or the one observed on the wire."""
    switches: Annotated[Switches, SWITCHES] = NO_SWITCHES
    """Single switches of the profile, each as NAME=VALUE; a table in TOML."""
    clock: Annotated[ClockMode, CLOCK] = "real"
    """Clock of the accounts: real, frozen, or so many times as fast as real time."""
    scenario: Annotated[Path | None, SCENARIO_FILE] = None
    """Scenario to play: the name of a bundled one, or a file. It comes before what the TOML file says."""
    watch: Annotated[bool, ON_OFF] = False
    """Read the scenario's files again when they change. A bad edit is told of, and the old one stays."""
    seed: Annotated[int | None, AMOUNT] = None
    """Seed of every random draw; without it each run has its own, which it prints."""
    callback_url: Annotated[str | None, URL] = None
    """Where the delivery reports of the account `default` are pushed, whatever its table says."""
    journal_messages: Annotated[int, COUNT] = 10_000
    """Messages kept; the oldest that have nothing left to do make room."""
    journal_bytes: Annotated[int, SIZE] = 64 * MIB
    """Memory the journal may take; likewise."""
    ready_file: Annotated[Path | None, PATH] = None
    """File written once connections work: one JSON object with url, admin_url, ca, client_cert, client_key, auth_key,
    route_id and pid."""
    log_format: Annotated[Literal["text", "json"], choice("text", "json")] = "text"
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
        return admits(self.whitelist, host)

    def _with_callback_url(self, account: Account) -> Account:
        if self.callback_url is None or account.name != "default":
            return account
        callback = msgspec.structs.replace(account.callback, url=self.callback_url)
        return msgspec.structs.replace(account, callback=callback)
