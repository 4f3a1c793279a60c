"""`scenario use` against a running simulator."""

import asyncio
from pathlib import Path

import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN_URL", "ADMIN_HOST", "ADMIN_PORT", "ADMIN_TOKEN", "READY_FILE"):
        monkeypatch.delenv(f"CLOUDSMS_SIM_{name}", raising=False)


def test_a_bundled_scenario_and_a_file_are_played_from_then_on(run, platform, packet, tmp_path: Path) -> None:
    path = tmp_path / "busy.yaml"
    path.write_text("version: 1\nseed: 5\ninclude: delivered\nrules: [{ reply: Send_failed }]\n")

    async def story() -> None:
        async with platform() as there:

            async def use(said: str) -> Result:
                args = ["scenario", "use", said, "--admin-url", there.simulator.ready.admin_url]
                return await asyncio.to_thread(CliRunner().invoke, main, args)

            assert (await there.post(packet())).codes == [1, 1]
            seed = there.simulator.seed
            assert (await use("congested")).output == f"default plays congested, with the seed {seed}\n"
            assert (await there.post(packet())).codes == [3, 3]
            assert (await use(str(path))).output == f"default plays {path}, with the seed 5\n"
            assert (await there.post(packet())).codes == [0x10000004, 0x10000004]
            refused = await use("flakey")
            assert (refused.exit_code, 'did you mean "flaky"?' in refused.stderr) == (2, True)

    run(story())
