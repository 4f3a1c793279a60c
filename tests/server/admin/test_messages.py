"""Messages as the API lists them."""


def test_a_message_is_shown_with_its_state(scene, shop) -> None:
    scene.send(shop)
    [item] = scene.get("/api/v1/messages", account="shop")["items"]
    assert (item["to"], item["state_name"], item["text"]) == ("85267000011", "DELIVERED", "Your code is 123345")
