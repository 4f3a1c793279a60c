"""Metrics as Prometheus reads them."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as families

NAMES = {
    "cloudsms_accounts",
    "cloudsms_answer_seconds",
    "cloudsms_build_info",
    "cloudsms_event_streams",
    "cloudsms_findings",
    "cloudsms_handshakes_refused",
    "cloudsms_journal_bytes",
    "cloudsms_journal_evicted",
    "cloudsms_journal_items",
    "cloudsms_messages_accepted",
    "cloudsms_messages_final",
    "cloudsms_pushes",
    "cloudsms_reports_pending",
    "cloudsms_requests",
    "cloudsms_segments",
    "cloudsms_segments_billed",
    "cloudsms_waits",
}


def test_every_metric_is_there_from_the_start_in_both_formats(scene) -> None:
    answer = scene.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert {each.name for each in families(answer.text) if each.name.startswith("cloudsms_")} == NAMES
    assert all(each.documentation for each in families(answer.text))
    answer = scene.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert {each.name for each in openmetrics(answer.text)} >= NAMES


def test_the_journal_is_shown_as_it_is(scenes, shop) -> None:
    scene = scenes(shop, most_messages=2)
    for _ in range(5):
        scene.send(shop)
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(scene.client.get("/metrics").text)
        for sample in family.samples
    }
    for kind in ("requests", "messages", "reports"):
        assert (values["cloudsms_journal_items", kind], values["cloudsms_journal_evicted", kind]) == (2, 3)
    assert values["cloudsms_journal_bytes",] > 1000
    assert values["cloudsms_accounts",] == 1


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"authorization": "Bearer secret"}, 200)])
def test_where_there_is_a_token_metrics_need_it(scenes, headers: dict[str, str], status: int) -> None:
    assert scenes(token="secret").client.get("/metrics", headers=headers).status_code == status


def test_two_servers_count_by_themselves(scenes, shop) -> None:
    one, other = scenes(), scenes()
    one.send(shop)
    assert 'cloudsms_journal_items{of="messages"} 1.0' in one.client.get("/metrics").text
    assert 'cloudsms_journal_items{of="messages"} 0.0' in other.client.get("/metrics").text
