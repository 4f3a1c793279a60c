"""The description of the API: it is valid, it has every route and no other, and what it says follows from the code."""

import re
from collections.abc import Iterator

import jsonschema_rs
import pytest

from cloudsms_simulator.api.openapi import WRITTEN, openapi_document
from cloudsms_simulator.api.operation import Operation
from cloudsms_simulator.journal.events import EventName
from cloudsms_simulator.protocol import packet


@pytest.fixture
def document(scene) -> dict[str, object]:
    return scene.get("/api/v1/openapi.json")


def operations(document: dict[str, object]) -> Iterator[tuple[str, str, dict[str, object]]]:
    for path, verbs in document["paths"].items():
        for method, operation in verbs.items():
            yield path, method, operation


def everything(value: object) -> Iterator[tuple[str, object]]:
    """Every key with its value, however deep."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield key, each
        yield from everything(each)


def found(document: dict[str, object], reference: str) -> object:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_it_is_a_valid_openapi_3_1_document(document) -> None:
    assert document["openapi"].startswith("3.1.")
    from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR  # every worker would import it

    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_every_schema_is_json_schema_and_every_reference_leads_somewhere(document) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    references = {each for key, each in everything(document) if key == "$ref"}
    assert len(references) > 50
    for reference in references:
        assert found(document, reference) is not None


def test_every_route_is_described_and_every_described_route_is_there(scene, document) -> None:
    routes = scene.client.app.routes
    assert [route for route in routes if not isinstance(route, Operation)] == []
    there = {(re.sub(r":\w+", "", route.path), method.lower()) for route in routes for method in route.http_methods}
    assert {(path, method) for path, method, _ in operations(document)} == there
    assert len(there) >= 50


def test_every_operation_has_a_name_of_its_own_a_tag_a_summary_and_the_answers_it_gives(document) -> None:
    described = [operation for _, _, operation in operations(document)]
    names = [operation["operationId"] for operation in described]
    assert sorted(set(names)) == sorted(names)
    tags = {tag["name"] for tag in document["tags"]}
    assert {tag for operation in described for tag in operation["tags"]} == tags
    for operation in described:
        assert operation["summary"]
        assert not operation["summary"].endswith(".")
        assert {"403", "421"} < set(operation["responses"])
        assert any(status.startswith("2") for status in operation["responses"])


def test_what_the_server_always_writes_is_said_where_a_client_takes_more(document) -> None:
    schemas = document["components"]["schemas"]
    assert {"resent", "repeated"} < set(schemas["AttemptItem"]["required"])
    assert "default" not in schemas["AttemptItem"]["properties"]["resent"]
    assert "answered" in schemas["ReportItem"]["properties"]["outcome"]["enum"]
    assert {"$ref": "#/components/schemas/TlsFacts"} in schemas["RequestItem"]["properties"]["tls"]["anyOf"]
    for struct, members in WRITTEN.items():
        assert set(members) <= set(schemas[struct.__name__]["required"])


def test_no_two_structs_share_a_name(document) -> None:
    assert [name for name in document["components"]["schemas"] if name.startswith("cloudsms")] == []


def test_a_list_says_what_its_page_has_and_how_it_is_asked_for(document) -> None:
    operation = document["paths"]["/api/v1/messages"]["get"]
    parameters = {each["name"]: each["schema"] for each in operation["parameters"]}
    assert list(parameters) == ["account", "q", "match", "limit", "cursor"]
    assert parameters["limit"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    page = found(document, reference)["properties"]
    assert page["items"]["items"] == {"$ref": "#/components/schemas/MessageItem"}
    assert page["evicted"]["description"] == "How many the bounded journal no longer has."
    message = document["components"]["schemas"]["MessageItem"]["properties"]
    assert message["accepted_at"] == {"type": "string", "format": "date-time"}


def test_errors_are_problems(document) -> None:
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status.startswith("4"):
                answer = found(document, answer["$ref"]) if "$ref" in answer else answer
                assert list(answer["content"]) == ["application/problem+json"], (path, method, status)
    problem = document["components"]["schemas"]["Problem"]
    assert problem["required"] == ["title", "status", "detail"]


def test_a_body_refuses_what_it_does_not_know(document) -> None:
    body = document["paths"]["/api/v1/clock/advance"]["post"]["requestBody"]
    assert body["required"] is False
    schema = found(document, body["content"]["application/json"]["schema"]["$ref"])
    assert schema["additionalProperties"] is False
    assert schema["properties"]["by"]["description"] == 'a duration such as "PT25H" or "3s", or seconds'


def test_an_account_is_described_by_the_kinds_it_is_read_with_but_for_paths_of_files(document) -> None:
    new, change = (
        document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]["properties"]
        for path, method in (("/api/v1/accounts", "post"), ("/api/v1/accounts/{name}", "patch"))
    )
    assert {"name", "auth_key", "clock", "seed", "scenario", "balance"} < set(new)
    assert set(new) - set(change) == {"name", "auth_key", "clock", "scenario"}
    callback = new["callback"]["anyOf"][0]["properties"]
    assert {"url", "retries"} < set(callback)
    assert not {"ca", "client_cert", "client_key"} & set(callback)


def test_a_rule_has_the_keys_of_scenario_files(document) -> None:
    reference = document["paths"]["/api/v1/rules"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"match", "reply", "report"} < set(found(document, reference["$ref"])["properties"])


def test_the_token_is_a_security_scheme_that_the_probes_do_not_need(document) -> None:
    assert document["security"] == [{}, {"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    open_to_all = {path for path, _, operation in operations(document) if operation.get("security") == []}
    assert open_to_all == {"/livez", "/readyz"}


def test_every_event_is_described(document) -> None:
    stream = document["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    assert {key.removeprefix("x-") for key in stream if key.startswith("x-")} == set(EventName.__args__)


def test_delivery_reports_are_a_callback_of_accounts(document) -> None:
    for path, method in (("/api/v1/accounts", "post"), ("/api/v1/accounts/{name}", "patch")):
        reference = document["paths"][path][method]["callbacks"]["deliveryReport"]["$ref"]
        [(where, calls)] = found(document, reference).items()
        assert where == "{$request.body#/callback/url}"
        assert calls["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("ReceivedPacket")
        answer = calls["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["$ref"].endswith("ReportAnswer")


def test_the_messages_of_the_platform_have_the_limits_of_the_specification(document) -> None:
    schemas = document["components"]["schemas"]
    request = found(document, schemas["SMS_SEND_REQUEST.REQUEST"]["$ref"])["properties"]
    assert request["SERIAL"]["maximum"] == packet.HIGHEST_SERIAL
    assert request["AUTH_KEY"]["maxLength"] == packet.AUTH_KEY_OCTETS
    assert request["ROUTE_ID"]["maxLength"] == packet.ROUTE_OCTETS
    assert request["MULTI_MSISDN_LIST"]["maxItems"] == packet.MOST_DESTINATIONS
    assert request["SIGNATURE"]["maxLength"] == packet.SIGNATURE_OCTETS
    assert (request["SIGNATURE_TYPE"]["minimum"], request["SIGNATURE_TYPE"]["maximum"]) == (1, 5)
    assert request["METHOD"]["enum"] == ["SMS_SEND_REQUEST"]
    destination = schemas["Destination"]["properties"]
    assert destination["DEST_MSISDN"]["maxLength"] == packet.MSISDN_OCTETS
    report = found(document, schemas["SMS_PUSH_REPORT.REQUEST"]["$ref"])["properties"]
    assert (report["SMS_RESULT_LIST"]["minItems"], report["SMS_RESULT_LIST"]["maxItems"]) == (1, 1)
    for name in ("SMS_SEND_REQUEST.ANSWER", "SMS_PUSH_REPORT.ANSWER"):
        assert found(document, schemas[name]["$ref"])["properties"]["TYPE"]["enum"] == ["ANSWER"]


def test_the_document_is_the_same_each_time_and_is_not_sent_again(scene) -> None:
    first = scene.client.get("/api/v1/openapi.json")
    assert first.headers["cache-control"] == "no-cache"
    again = scene.client.get("/api/v1/openapi.json", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_a_route_that_is_not_described_has_no_document() -> None:
    async def unknown(request: object) -> None:
        """Nothing."""

    with pytest.raises(KeyError, match="thing"):
        openapi_document([Operation("/api/v1/info/{thing}", unknown, tag="server", answers={200: None})], "1")
