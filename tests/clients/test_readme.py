"""The commands of the README beside this file, run as they stand there."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

FOLDER = Path(__file__).parent


def test_the_commands_of_the_readme_start_a_simulator_send_a_text_and_stop_it(tool, answered, tmp_path) -> None:
    tool("curl", "curl")
    [commands] = re.findall(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copytree(FOLDER / "curl", tmp_path / "curl")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (tmp_path / "output.txt").open("w+", encoding="utf-8") as output, (tmp_path / "log.txt").open("w+") as log:
        shell = subprocess.Popen(
            ["sh", "-e", "-c", commands],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "no_proxy": "localhost", "NO_PROXY": "localhost"},
            stdout=output,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = shell.wait(timeout=60)
        finally:
            # The simulator runs in the shell's group: nothing of it outlives a failure midway.
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        output.seek(0)
        log.seek(0)
        assert code == 0, log.read()
        answers = [json.loads(line) for line in output if line.startswith("{")]
    assert answers == [answered((852, "67123411"), (852, "67123428"))]
    assert not (tmp_path / "ready.json").exists()
