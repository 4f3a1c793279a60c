"""The page about containers and CI: its files are what they are named, what they say exists, and their steps run."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import yaml
from documents import ROOT, page

from cloudsms_simulator.cli import main
from cloudsms_simulator.config.settings import Settings, load_settings

PAGE = page("containers")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SUITE = ROOT / "tests" / "clients" / "suites" / "node"
PREFIX = "CLOUDSMS_SIM_"


def file_of(name: str) -> Mapping[object, object]:
    """A file of the page, read as YAML."""
    [text] = re.findall(rf"^```yaml\n# {re.escape(name)}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(text)


@pytest.fixture
def service() -> Mapping[str, object]:
    """The simulator's service in compose.yaml."""
    return file_of("compose.yaml")["services"]["cloudsms"]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def test_the_variables_of_the_service_are_settings_and_taken(service) -> None:
    settings = load_settings({}, service["environment"]).settings
    said = {name.removeprefix(PREFIX).lower(): value for name, value in service["environment"].items()}
    assert set(said) <= {field.name for field in msgspec.structs.fields(Settings)}
    assert (settings.hosts, settings.admin_token, settings.callback_url) == (
        (said["hosts"],),
        said["admin_token"],
        said["callback_url"],
    )


def test_its_ports_volume_and_user_are_those_of_the_image(service) -> None:
    [exposed] = re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)
    assert [port.partition(":")[2] for port in service["ports"]] == exposed.split()
    assert [exposed] == [f"{Settings().port} {Settings().admin_port}"]
    [volume] = re.findall(r"^VOLUME (.*)$", DOCKERFILE, re.MULTILINE)
    assert [each.partition(":")[2] for each in service["volumes"]] == [volume]
    assert f"docker build -t {service['image']} ." in PAGE


def test_its_health_check_is_the_image_s(service) -> None:
    [checked] = re.findall(r"^HEALTHCHECK .*CMD (.*)$", DOCKERFILE, re.MULTILINE)
    kind, *command = service["healthcheck"]["test"]
    assert (kind, command) == ("CMD", json.loads(checked))
    assert main.get_command(None, command[1]) is not None


def test_the_other_service_asks_where_the_simulator_listens_and_trusts_it_once_it_is_healthy(service) -> None:
    file = file_of("compose.yaml")
    shop = file["services"]["shop"]
    host = service["environment"]["CLOUDSMS_SIM_HOSTS"]
    assert shop["environment"]["SMS_URL"] == f"https://{host}:{Settings().port}/dave/io"
    assert host in file["services"]
    assert shop["depends_on"][host] == {"condition": "service_healthy"}
    assert shop["environment"]["SMS_CA"].startswith(shop["volumes"][0].split(":")[1])
    assert shop["volumes"][0].split(":")[0] in file["volumes"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is missing; Debian has it in the package nodejs")
def test_the_steps_of_the_workflow_run_as_they_stand(tmp_path: Path) -> None:
    job = file_of(".github/workflows/test.yaml")["jobs"]["test"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    assert steps[0] == "pip install cloudsms-simulator"
    shutil.copytree(SUITE, tmp_path, dirs_exist_ok=True)
    admin_port = free_port()
    ours = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    variables = ours | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CLOUDSMS_SIM_PORT": free_port(),
        "CLOUDSMS_SIM_ADMIN_PORT": admin_port,
        "CLOUDSMS_SIM_ADMIN_URL": f"http://127.0.0.1:{admin_port}",
    }
    # A runner ends what its steps left behind; so does this shell.
    script = "\n".join(["set -e", *steps[1:2], "left=$!", "trap 'kill $left; wait $left || true' EXIT", *steps[2:]])
    ended = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=90, check=False
    )
    assert (ended.returncode, "fail 0" in ended.stdout) == (0, True), ended.stdout + ended.stderr
