"""Reports as the API lists them."""


def test_a_report_is_shown_with_what_came_of_it(scene, shop) -> None:
    scene.send(shop)
    [item] = scene.get("/api/v1/reports", account="shop")["items"]
    assert (item["state_name"], item["outcome"], item["attempts"]) == ("DELIVERED", "no_callback", [])
