"""Rules over the API: laid down, counted, taken back."""

import pytest

NIGHT = """\
version: 1
name: night
states: [open, closed]
rules: [{ id: sorry, match: { content: { contains: sorry } }, reply: Intercept, then: closed }, { reply: OK }]
faults: [{ id: drops, match: { to: "65*" }, fault: DRIBBLE, over: 1s }]
"""
RULES, UNUSED = "/api/v1/rules", "/api/v1/rules/unused"
BUSY_TWICE = {"id": "busy", "match": {"to": "852*"}, "reply": [{"code": "Busy", "times": 2}, "OK"]}
NOTHING = {"items": [], "total": 0, "cursor": None, "evicted": 0}


def item(definition: dict[str, object], hits: int = 0, kind: str = "rule") -> dict[str, object]:
    """One of the account's own, as it is shown."""
    shown = {"id": definition["id"], "kind": kind, "book": None, "hits": hits, "enabled": True}
    return shown | {"definition": definition, "warnings": []}


def ids(page: dict[str, object]) -> list[str]:
    return [each["id"] for each in page["items"]]


@pytest.fixture
def night(scene):
    """A scene whose account `default` plays a scenario."""
    scene.post("/api/v1/scenarios/use", {"text": NIGHT})
    return scene


def test_at_first_there_is_none(scene) -> None:
    assert scene.get(RULES) == scene.get(UNUSED) == NOTHING


def test_a_rule_is_laid_down_and_decides(scene, shop) -> None:
    assert scene.post(RULES, BUSY_TWICE) == item(BUSY_TWICE)
    default = scene.stage.accounts[0]
    assert [scene.send(default).code for _ in range(3)] == [3, 3, 1]
    assert scene.get(RULES) == NOTHING | {"items": [item(BUSY_TWICE, 3)], "total": 1}
    assert [each["rule"] for each in scene.get("/api/v1/requests")["items"]] == ["busy"] * 3
    assert scene.send(shop).code == 1


def test_a_rule_whose_expression_may_take_very_long_is_laid_down_with_a_warning(scene) -> None:
    slow = {"match": {"content": {"regex": "(a+)+$"}}}
    warning = (
        '1:30: match.content.regex: "(a+)+" may take very long on a text that nearly fits, and nothing is answered '
        "meanwhile; want repeats of which no two can take the same characters"
    )

    assert scene.post(RULES, slow)["warnings"] == [f"rule:{warning}"]
    assert scene.post("/api/v1/faults", slow | {"fault": "DRIBBLE"})["warnings"] == [f"fault:{warning}"]
    assert [each["warnings"] for each in scene.get(RULES)["items"]] == [[], []]


def test_a_rule_is_laid_down_for_the_account_asked_for(scene, shop) -> None:
    scene.post(RULES, BUSY_TWICE, account="shop")
    assert scene.send(shop).code == 3
    assert scene.get(RULES) == NOTHING


def test_the_rules_and_faults_of_a_scenario_are_listed_after_those_laid_down(night) -> None:
    night.post(RULES, BUSY_TWICE)
    night.post("/api/v1/faults", {"id": "hangs", "fault": "ACCEPT_THEN_HANG", "match": {"to": "44*"}})
    assert [(each["id"], each["kind"], each["book"]) for each in night.get(RULES)["items"]] == [
        ("busy", "rule", None),
        ("hangs", "fault", None),
        ("sorry", "rule", "night"),
        ("rule 2", "rule", "night"),
        ("drops", "fault", "night"),
    ]


def test_what_a_scenario_says_is_shown_as_it_says_it(night) -> None:
    assert [each["definition"] for each in night.get(RULES)["items"]] == [
        {"id": "sorry", "match": {"content": {"contains": "sorry"}}, "reply": "Intercept", "then": "closed"},
        {},
        {"id": "drops", "match": {"to": "65*"}, "fault": "DRIBBLE", "over": "1s"},
    ]


def test_what_never_decided_is_listed(night) -> None:
    night.send(night.stage.accounts[0])
    assert ids(night.get(UNUSED)) == ["sorry", "drops"]
    assert ids(night.get(RULES)) == ["sorry", "rule 2", "drops"]


def test_a_rule_without_an_id_gets_one(scene) -> None:
    assert [scene.post(RULES, {"reply": "Busy"})["id"] for _ in range(2)] == ["rule-1", "rule-2"]
    assert ids(scene.get(RULES)) == ["rule-2", "rule-1"]


def test_a_rule_of_the_same_id_makes_room_for_the_new_one(scene) -> None:
    default = scene.stage.accounts[0]
    for _ in range(2):
        scene.post(RULES, BUSY_TWICE)
        assert scene.send(default).code == 3
        assert scene.get(RULES)["items"] == [item(BUSY_TWICE, 1)]


def test_a_rule_may_go_to_a_state_of_the_scenario(night) -> None:
    night.post(RULES, {"id": "shut", "reply": "OK", "then": "closed"})
    night.post(RULES, {"id": "mine", "match": {"state": "closed"}, "reply": "Busy"})
    default = night.stage.accounts[0]
    assert [night.send(default).code for _ in range(2)] == [1, 3]


# Taken back


def test_rules_are_taken_back_one_by_one(night) -> None:
    night.post(RULES, BUSY_TWICE)
    night.post("/api/v1/faults", {"id": "late", "delay": "1ms"})
    assert ids(night.delete(f"{RULES}/busy")) == ["late", "sorry", "rule 2", "drops"]
    assert night.delete(f"{RULES}/late") == night.get(RULES)
    assert ids(night.get(RULES)) == ["sorry", "rule 2", "drops"]


def test_all_are_taken_back_and_the_scenario_s_stay(night) -> None:
    night.post(RULES, BUSY_TWICE)
    night.post("/api/v1/faults", {"delay": "1ms"})
    assert ids(night.delete(RULES)) == ["sorry", "rule 2", "drops"]
    assert night.delete(RULES) == night.get(RULES)


def test_a_rule_of_a_scenario_cannot_be_taken_back(night) -> None:
    told = '"rule 2" is of the scenario "night"; put another to use to be rid of it'
    assert night.delete(f"{RULES}/rule%202", 409) == told
    assert len(night.get(RULES)["items"]) == 3


def test_a_rule_that_is_not_there_is_404_and_names_those_that_are(night) -> None:
    assert night.delete(f"{RULES}/bussy", 404) == 'there is no rule "bussy"; there is sorry, rule 2, drops'
    assert night.delete(f"{RULES}/busy", 404, account="shop") == 'there is no rule "busy"; there is none'


# What is wrong


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"reply": "Bussy"}, ['rule:1:10: reply: got "Bussy", want a result code by name or number, such as Busy or']),
        ({"id": "sorry"}, ['rule:1:7: id: got "sorry", which the scenario "night" has, want an id of its own']),
        ({"then": "opne"}, ['rule:1:9: then: got "opne", want one of the states: open, closed; did you mean "open"?']),
        ({"reprot": [], "match": None}, ['rule:1:2: unknown key "reprot"', 'rule:1:14: the key "match" has no value']),
    ],
)
def test_every_mistake_of_a_rule_is_told(night, body: object, told: list[str]) -> None:
    answer = night.client.post(RULES, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert (problem["title"], problem["status"]) == ("bad request", 400)
    assert problem["detail"] == "\n".join(problem["problems"])
    for line, beginning in zip(problem["problems"], told, strict=True):
        assert line.startswith(beginning)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "the body is not JSON: Input data was truncated"),
        (b"id: busy", 400, "the body is not JSON: "),
        (b'[{"reply": "Busy"}]', 400, "the body is not a JSON object; send {"),
        (b'{"id": "x"}'.ljust(64 * 1024 + 1), 413, "the body is larger than 65,536 octets, which is the most"),
    ],
)
def test_a_rule_is_one_json_object(scene, body: bytes, status: int, told: str) -> None:
    answer = scene.client.post(RULES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(told)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RULES),
        ("POST", RULES),
        ("DELETE", RULES),
        ("DELETE", f"{RULES}/busy"),
        ("GET", UNUSED),
        ("GET", "/api/v1/faults"),
        ("POST", "/api/v1/faults"),
        ("DELETE", "/api/v1/faults"),
        ("DELETE", "/api/v1/faults/busy"),
    ],
)
def test_an_account_nobody_has_is_404(scene, method: str, path: str) -> None:
    answer = scene.client.request(method, path, params={"account": "shpo"})
    assert (answer.status_code, answer.json()["detail"]) == (404, 'there is no account "shpo"; there is default, shop')


def test_a_rule_that_is_switched_off_decides_nothing_and_keeps_what_it_counted(scene) -> None:
    default = scene.stage.accounts[0]
    scene.post(RULES, BUSY_TWICE)
    assert scene.send(default).code == 3
    assert scene.post(f"{RULES}/busy", {"enabled": False}) == item(BUSY_TWICE, 1) | {"enabled": False}
    assert scene.get(RULES)["items"] == [item(BUSY_TWICE, 1) | {"enabled": False}]
    assert [scene.send(default).code for _ in range(2)] == [1, 1]
    assert scene.post(f"{RULES}/busy", {"enabled": True}) == item(BUSY_TWICE, 1)
    assert [scene.send(default).code for _ in range(2)] == [3, 1]


def test_one_of_a_scenario_is_switched_off_until_the_account_is_reset(night) -> None:
    default = night.stage.accounts[0]
    assert night.post(f"{RULES}/sorry", {"enabled": False})["enabled"] is False
    assert night.send(default, SMS_CONTENT="sorry").code == 1
    assert night.post("/api/v1/faults/drops", {"enabled": False})["enabled"] is False
    assert [each["enabled"] for each in night.get(RULES)["items"]] == [False, True, False]
    night.post("/api/v1/scenarios/use", {"text": NIGHT})
    assert [each["enabled"] for each in night.get(RULES)["items"]] == [True, True, True]


def test_one_that_is_laid_down_again_decides_again(scene) -> None:
    scene.post(RULES, BUSY_TWICE)
    scene.post(f"{RULES}/busy", {"enabled": False})
    assert scene.post(RULES, BUSY_TWICE)["enabled"] is True
    scene.post(f"{RULES}/busy", {"enabled": False})
    scene.delete(f"{RULES}/busy")
    assert scene.post(RULES, BUSY_TWICE)["enabled"] is True


@pytest.mark.parametrize(
    ("name", "body", "status", "told"),
    [
        ("busi", {"enabled": False}, 404, 'there is no rule "busi"; there is sorry, rule 2, drops'),
        ("sorry", {}, 400, "enabled is missing: want true or false"),
        ("sorry", {"enabled": 0}, 400, "enabled: got 0, want true or false"),
    ],
)
def test_what_cannot_be_switched_says_why(night, name: str, body: object, status: int, told: str) -> None:
    assert night.post(f"{RULES}/{name}", body, status) == told
