"""The Java client, and the slips of the document's Java sample: no body, and a destination where a list belongs."""

from pathlib import Path

FOLDER = Path(__file__).parent / "java"


def test_a_java_client_is_refused_twice_the_way_the_sample_errs_and_then_accepted(
    tool, start_platform, answered
) -> None:
    java = tool("java", "default-jdk-headless")
    platform = start_platform()
    assert platform.answers(java, FOLDER / "Client.java", 'Your "verification code" is 123345.') == [
        answered(code=0x04, desc="Empty_data", serial=0),
        answered(code=0x10000001, desc="Invalid_parameter"),
        answered((852, "67123411")),
    ]
