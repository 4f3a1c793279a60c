"""Settings from flags, environment, file and defaults."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.schema import SettingField, fields_of
from cloudsms_simulator.config.settings import CLIENT_VARIABLES, LoadedSettings, Settings, load_settings
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, StateSet

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration and returns its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "cloudsms.toml"
        path.write_text(text)
        return path

    return write_file


def load(path: Path, **flags: str) -> LoadedSettings:
    return load_settings({"config": str(path), **flags}, {})


def problems_of(path: Path) -> list[str]:
    """The problems of a file, without the file's path."""
    with pytest.raises(SettingsError) as caught:
        load(path)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def problem_of_flag(name: str, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: text}, {})
    (problem,) = caught.value.problems
    return problem


def test_nothing_configured_gives_the_defaults() -> None:
    loaded = load_settings({}, {})

    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.warnings == ()


def test_flags_count_before_environment_before_file_before_defaults(write: Write) -> None:
    path = write("port = 1\nadmin_port = 2\njournal_messages = 3\n")
    flags = {"config": str(path), "port": "10"}
    environ = {"CLOUDSMS_SIM_PORT": "20", "CLOUDSMS_SIM_ADMIN_PORT": "21"}

    loaded = load_settings(flags, environ)

    settings, origins = loaded.settings, loaded.origins
    assert (settings.port, origins["port"]) == (10, "flag --port")
    assert (settings.admin_port, origins["admin_port"]) == (21, "environment CLOUDSMS_SIM_ADMIN_PORT")
    assert (settings.journal_messages, origins["journal_messages"]) == (3, f"{path}:3")
    assert (settings.journal_bytes, origins["journal_bytes"]) == (64 * 2**20, "default")


def test_the_environment_can_name_the_file(write: Write) -> None:
    path = write("port = 1\n")

    assert load_settings({}, {"CLOUDSMS_SIM_CONFIG": str(path)}).settings.port == 1


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert load_settings({}, {"CLOUDSMS_SIM_CERTS": ""}).origins["certs"] == "default"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),
        ("host", "sms.test", "sms.test"),
        ("port", "0", 0),
        ("plain", "on", True),
        ("plain", "false", False),
        ("mtls", "required", "required"),
        ("certs", "folder", Path("folder")),
        ("hosts", "sms.test, 10.0.0.5", ("sms.test", "10.0.0.5")),
        ("hosts", "*.sms.test,10.0.0.0/8,fd00::/8", ("*.sms.test", "10.0.0.0/8", "fd00::/8")),
        ("profile", "observed", "observed"),
        ("clock", "frozen", "frozen"),
        ("clock", "3600", 3600.0),
        ("clock", "0.5", 0.5),
        ("seed", "42", 42),
        ("callback_url", "https://localhost:59999/", "https://localhost:59999/"),
        ("journal_bytes", "1000", 1000),
        ("journal_bytes", "2 mib", 2 * 2**20),
        ("body_limit", "16KiB", 16 * 1024),
        ("body_timeout", "1m", timedelta(minutes=1)),
        ("keep_alive", "PT4M", timedelta(minutes=4)),
        ("log_format", "json", "json"),
        ("whitelist", "127.0.0.0/8,::1", (ip_network("127.0.0.0/8"), ip_network("::1"))),
        ("switches", "unpriced=report dr_auth_key=on", {"unpriced": "report", "dr_auth_key": True}),
        ("switches", "versions=2021-01-01,2020-07-12", {"versions": ("2021-01-01", "2020-07-12")}),
        ("switches", "missing_key_code=0x05", {"missing_key_code": 5}),
        ("switches", "missing_key_code=5", {"missing_key_code": 5}),
        ("switches", "missing_key_code=Invalid_parameter", {"missing_key_code": 0x10000001}),
        ("switches", "charged_states=2,EXPIRED", {"charged_states": StateSet(frozenset({2, 3}))}),
        ("switches", "charged_states=all_but:8,60", {"charged_states": StateSet(frozenset({8, 60}), all_but=True)}),
    ],
)
def test_a_flag_or_a_variable_says_it_as_text(name: str, text: str, value: object) -> None:
    by_flag = load_settings({name: text}, {}).settings
    by_variable = load_settings({}, {f"CLOUDSMS_SIM_{name.upper()}": text}).settings

    assert getattr(by_flag, name) == getattr(by_variable, name) == value


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("port = 5", "port", 5),
        ("plain = true", "plain", True),
        ('hosts = ["sms.test"]', "hosts", ("sms.test",)),
        ("clock = 3600", "clock", 3600.0),
        ("clock = 0.5", "clock", 0.5),
        ('clock = "frozen"', "clock", "frozen"),
        ("journal_bytes = 5", "journal_bytes", 5),
        ('journal_bytes = "1GiB"', "journal_bytes", 2**30),
        ('keep_alive = "3s"', "keep_alive", timedelta(seconds=3)),
        ('whitelist = ["10.0.0.0/8"]', "whitelist", (ip_network("10.0.0.0/8"),)),
        ("switches = { missing_key_code = 5 }", "switches", {"missing_key_code": 5}),
        ('switches = { missing_key_code = "0x05" }', "switches", {"missing_key_code": 5}),
        ('switches = { missing_key_code = "channel_not_exist" }', "switches", {"missing_key_code": 5}),
        ("switches = { dr_serial_wrap = 65535 }", "switches", {"dr_serial_wrap": 65535}),
    ],
)
def test_a_file_says_it_in_toml(write: Write, line: str, name: str, value: object) -> None:
    assert getattr(load(write(line)).settings, name) == value


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('port = "5"', '1:8: port: got "5", want a port from 0 to 65535, 0 being any free one'),
        ("port = true", "1:8: port: got true, want a port from 0 to 65535, 0 being any free one"),
        ("port = 70000", "1:8: port: got 70000, want a port from 0 to 65535, 0 being any free one"),
        ("port = 1.0", "1:8: port: got 1.0, want a port from 0 to 65535, 0 being any free one"),
        ("journal_messages = 0", "1:20: journal_messages: got 0, want a whole number, 1 or more"),
        ('plain = "yes"', '1:9: plain: got "yes", want true or false'),
        ('mtls = "of"', '1:8: mtls: got "of", want "off", "optional" or "required"; did you mean "off"?'),
        ('host = "a b"', '1:8: host: got "a b", want an IP address or a host name'),
        ("clock = 0", '1:9: clock: got 0, want "real", "frozen", or how many times as fast as real time, such as 3600'),
        ("clock = nan", '1:9: clock: got nan, want "real", "frozen", or how many times as fast as real time'),
        ("clock = 1e300", "1:9: clock: got 1e+300, want"),
        ("clock = 0.0001", '1:9: clock: got 0.0001, want "real", "frozen", or how many times as fast as real time'),
        ("clock = 1000001", "1:9: clock: got 1000001, want"),
        ("clock = true", '1:9: clock: got true, want "real", "frozen", or how many times as fast as real time'),
        ("keep_alive = 5", "1:14: keep_alive: got 5, want a duration with its unit"),
        ('keep_alive = "0s"', '1:14: keep_alive: got "0s", want a duration longer than nothing'),
        ("keep_alive = 07:32:00", "1:14: keep_alive: got 07:32:00, want a duration with its unit"),
        ('body_limit = "0"', '1:14: body_limit: got "0", want a number of bytes, 1 or more, or a size'),
        ('callback_url = "localhost:1"', '1:16: callback_url: got "localhost:1", want an address such as'),
        ('callback_url = "http://x:99999/"', '1:16: callback_url: got "http://x:99999/", want an address such as'),
        ('callback_url = "http://[::1"', '1:16: callback_url: got "http://[::1", want an address such as'),
        ('callback_url = "http:// x"', '1:16: callback_url: got "http:// x", want an address such as'),
        ('whitelist = ["10.0.0.1/8"]', '1:14: whitelist[0]: got "10.0.0.1/8", want a network without host bits; did'),
        ('whitelist = ["::1", "x"]', '1:21: whitelist[1]: got "x", want a network such as "10.0.0.0/8" or an address'),
        ('whitelist = "::1"', '1:13: whitelist: got "::1", want a list of networks'),
        ('client_ca = "absent.pem"', '1:13: client_ca: got "absent.pem", want the path of a file; there is no file'),
        ('certs = ""', '1:9: certs: got "", want the path of a folder'),
        ("admin_token = 1", "1:15: admin_token: got something not repeated here, want a word of printable ASCII"),
        ('admin_token = "a b"', "1:15: admin_token: got something not repeated here, want a word of printable ASCII"),
        ("switches = 1", "1:12: switches: got 1, want a table of switches"),
        ("switches = { unpricd = 1 }", '1:14: unknown key "unpricd"; did you mean "unpriced"?'),
        ("[switches]\nname = 1", '2:1: unknown key "name"'),
        (
            '[switches]\nmissing_key_code = "0x03"',
            '2:20: switches.missing_key_code: got "0x03", want 0x10000001 (Invalid_parameter) or 0x05 (Channel_not',
        ),
        ("[switches]\ndr_serial_wrap = 5", "2:18: switches.dr_serial_wrap: got 5, want 128 or 65535"),
        ("[switches]\nversions = 5", '2:12: switches.versions: got 5, want a list of texts, such as ["2021-01-01"]'),
        ('[switches]\ncharged_states = ["X"]', '2:18: switches.charged_states: got ["X"], want a list of states'),
        ("[switches]\ncharged_states = {but=[1]}", "2:18: switches.charged_states: got { but = [1] }, want a list"),
        ("[switches]\ncharged_states = -1", "2:18: switches.charged_states: got -1, want a list of states"),
        ("accounts = 1", "1:12: accounts: got 1, want [[accounts]] tables"),
        ("accounts = [1]", "1:13: accounts[0]: got 1, want a table"),
        ('config = "x"', '1:1: the key "config" names a file like this one and cannot stand in it'),
        ("prot = 1", '1:1: unknown key "prot"; did you mean "port"?'),
        ("\n\n  [xyzzy]\na = 1", '3:3: unknown key "xyzzy"'),
    ],
)
def test_a_wrong_value_in_a_file_is_told_with_its_place_and_what_would_be_right(
    write: Write, line: str, problem: str
) -> None:
    (found,) = problems_of(write(line))

    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("port", "abc", 'flag --port: got "abc", want a port from 0 to 65535, 0 being any free one'),
        ("port", "-1", 'flag --port: got "-1", want a port from 0 to 65535, 0 being any free one'),
        ("port", "9" * 100, "flag --port: got "),
        ("plain", "maybe", 'flag --plain: got "maybe", want true or false'),
        ("admin_host", "", 'flag --admin-host: got "", want an IP address or a host name'),
        *(
            ("admin_path", text, f'flag --admin-path: got "{text}", want the path of a folder on a web site, such as')
            for text in ("/", "sms", "/a//b", "/a/../b", "/a b", "/a?b", "/%61", "https://sms.test/a")
        ),
        ("hosts", "a,,b", 'flag --hosts: [1]: got "", want an IP address, a host name, a network'),
        (
            "hosts",
            "10.0.0.1/8",
            'flag --hosts: [0]: got "10.0.0.1/8", want a network without host bits; did you mean "10',
        ),
        ("hosts", "sms.test/8", 'flag --hosts: [0]: got "sms.test/8", want an IP address, a host name, a network'),
        ("config", "absent.toml", 'flag --config: got "absent.toml", want the path of a file; there is no file'),
        ("switches", "unpriced", 'flag --switches: got "unpriced", want pairs with blanks between them'),
        ("switches", "unpriced=x", 'flag --switches: unpriced: got "x", want "sync" or "report"'),
        ("switches", "frob=x", 'flag --switches: unknown key "frob"'),
    ],
)
def test_a_wrong_flag_is_told_by_its_name(name: str, text: str, problem: str) -> None:
    assert problem_of_flag(name, text).startswith(problem)


def test_a_wrong_variable_is_told_by_its_name() -> None:
    with pytest.raises(SettingsError, match=r'^environment CLOUDSMS_SIM_PORT: got "tcp://10'):
        load_settings({}, {"CLOUDSMS_SIM_PORT": "tcp://10.0.0.1:1"})


def test_every_problem_of_every_source_is_listed_at_once(write: Write) -> None:
    path = write("port = 70000\nprot = 1\n")

    with pytest.raises(SettingsError) as caught:
        load_settings({"config": str(path), "mtls": "of"}, {"CLOUDSMS_SIM_SEED": "x"})

    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "flag",
        "environment",
        f"{path}:1:8:",
        f"{path}:2:1:",
    ]


def test_a_broken_file_does_not_hide_the_problems_of_flags(write: Write) -> None:
    path = write("port = \n")

    with pytest.raises(SettingsError) as caught:
        load(path, mtls="of")

    assert len(caught.value.problems) == 2


def test_a_wrong_value_is_told_even_when_another_overrules_it(write: Write) -> None:
    with pytest.raises(SettingsError, match="port: got 70000"):
        load(write("port = 70000\n"), port="5")


def test_relative_paths_begin_at_the_folder_of_the_file(write: Write) -> None:
    path = write('certs = "keys"\nready_file = "/tmp/ready"\n')

    settings = load(path).settings

    assert settings.certs == path.parent / "keys"
    assert settings.ready_file == Path("/tmp/ready")


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "sms.test"])
def test_an_admin_port_beyond_loopback_demands_a_token(host: str) -> None:
    assert problem_of_flag("admin_host", host).startswith(f"flag --admin-host: admin_host: got {host}, which others")
    assert load_settings({"admin_host": host, "admin_token": "secret"}, {}).settings.admin_token == "secret"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert load_settings({"admin_host": host}, {}).settings.admin_token is None


def test_a_bad_token_is_not_told_to_be_missing_too() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"admin_host": "0.0.0.0", "admin_token": "a b"}, {})

    assert len(caught.value.problems) == 1


def test_platform_and_admin_cannot_have_the_same_port() -> None:
    assert problem_of_flag("admin_port", "61815").startswith("flag --admin-port: admin_port: got 61815, which is the")
    assert load_settings({"port": "0", "admin_port": "0"}, {}).settings.admin_port == 0


def test_an_unknown_variable_of_ours_is_warned_about() -> None:
    loaded = load_settings({}, {"CLOUDSMS_SIM_PROT": "1", "PROT": "2", "CLOUDSMS_SIM_ACCOUNTS": "x"})

    assert loaded.warnings == (
        "environment CLOUDSMS_SIM_ACCOUNTS: there is no such setting",
        'environment CLOUDSMS_SIM_PROT: there is no such setting; did you mean "CLOUDSMS_SIM_PORT"?',
    )


def test_variables_of_the_client_commands_are_not_warned_about() -> None:
    assert load_settings({}, dict.fromkeys(CLIENT_VARIABLES, "x")).warnings == ()


def test_the_server_profile_is_the_named_one_with_its_switches() -> None:
    settings = load_settings({"profile": "observed", "switches": "unpriced=sync"}, {}).settings

    assert settings.server_profile().answer_shape == OBSERVED.answer_shape
    assert settings.server_profile().unpriced == "sync"
    assert Settings().server_profile() == SPEC


def test_accounts_have_the_profile_of_the_server_unless_they_name_their_own(write: Write) -> None:
    path = write(
        'profile = "observed"\nswitches = { unpriced = "sync" }\n'
        "[[accounts]]\nswitches = { dr_auth_key = true }\n"
        '[[accounts]]\nname = "other"\nauth_key = "other-key"\nprofile = "spec"\n'
    )

    default, other = load(path).settings.server_accounts()

    assert (default.profile.name, default.profile.unpriced, default.profile.dr_auth_key) == ("observed", "sync", True)
    assert other.profile == SPEC


def test_any_host_wants_a_token_and_is_in_no_certificate() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"hosts": "*"}, {})
    [problem] = caught.value.problems
    assert problem.startswith('flag --hosts: hosts: got "*", which lets pages of any site call the admin port, and no')

    settings = load_settings({"hosts": "*,sms.test,10.0.0.0/8,10.0.0.5", "admin_token": "secret"}, {}).settings
    assert settings.hosts == ("*", "sms.test", "10.0.0.0/8", "10.0.0.5")
    assert settings.certificate_hosts == ("sms.test", "10.0.0.5")


def test_the_callback_url_is_for_the_default_account_whatever_its_table_says(write: Write) -> None:
    path = write(
        '[[accounts]]\ncallback = { url = "http://localhost:1/", timeout = "9s" }\n'
        '[[accounts]]\nname = "other"\nauth_key = "other-key"\n'
    )

    default, other = load(path, callback_url="http://localhost:2/").settings.server_accounts()

    assert (default.callback.url, default.callback.timeout) == ("http://localhost:2/", timedelta(seconds=9))
    assert other.callback.url is None


@pytest.mark.parametrize("field", fields_of(Settings), ids=lambda field: field.name)
def test_every_setting_says_what_it_is_for(field: SettingField) -> None:
    assert field.doc.endswith(".")


@pytest.mark.parametrize("text", ["/cloudsms", "/cloudsms/", "/tools/sms-2.0_a~b/"])
def test_a_base_path_has_no_slash_at_its_end(text: str) -> None:
    assert load_settings({"admin_path": text}, {}).settings.admin_path == text.rstrip("/")
