"""The page of the API's description, in a browser."""

from playwright.sync_api import expect


def test_it_shows_every_operation_without_a_complaint_and_without_another_host(watched) -> None:
    page = watched.open("/api/v1/docs")
    expect(page).to_have_title("The admin API of the CloudSMS simulator")
    described = page.request.get(f"{watched.url}/api/v1/openapi.json").json()
    operations = [(verb, path) for path, verbs in described["paths"].items() for verb in verbs]
    assert len(operations) >= 50
    expect(page.locator(".nav-bar-path")).to_have_count(len(operations))
    for tag in described["tags"]:
        expect(page.locator(f"#link-tag--{tag['name']}")).to_be_visible()
    page.locator("[id='link-post-/api/v1/accounts']").click()
    shown = page.locator("#the-main-body")
    expect(shown).to_contain_text("Makes an account")
    expect(shown).to_contain_text("{$request.body#/callback/url}")
    assert page.evaluate("document.fonts.size") == 0


def test_an_operation_can_be_tried_from_it(watched) -> None:
    page = watched.open("/api/v1/docs")
    page.locator("[id='link-get-/api/v1/clock']").click()
    with page.expect_response(lambda answer: answer.url.startswith(f"{watched.url}/api/v1/clock")) as told:
        page.locator("#the-main-body").get_by_role("button", name="Try").click()
    assert told.value.status == 200
    assert told.value.json()["mode"] in {"real", "frozen", "scaled"}
