"""Where a database is, as texts say it: never with a password.

Reading: R18.
"""

import msgspec
import pytest

from cloudsms_simulator.models.server import StorePlace, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://clerk:secret@db:1/sms?sslmode=require", "postgresql://clerk:***@db:1/sms?sslmode=require"),
        ("postgresql://clerk:@db/sms", "postgresql://clerk:***@db/sms"),
        ("postgresql://clerk@db:5432,other:5433/sms", "postgresql://clerk@db:5432,other:5433/sms"),
        ("postgresql://db/sms?user=clerk&password=secret&a=b", "postgresql://db/sms?user=clerk&password=***&a=b"),
        ("postgresql://clerk:secret@db/sms?sslpassword=secret", "postgresql://clerk:***@db/sms?sslpassword=***"),
        ("postgresql://db/sms?password=sec@ret", "postgresql://db/sms?password=***"),
        ("postgresql://db/sms?password=s:ec@ret", "postgresql://db/sms?password=***"),
        ("postgresql://db:1/sms?password=sec@ret", "postgresql://db:***"),
        ("postgresql://clerk:secret@db/sms?password=sec@ret", "postgresql://clerk:***@db/sms?password=***"),
        ("postgresql://clerk:sec@ret@db/sms", "postgresql://clerk:***@db/sms"),
        ("postgresql://clerk:sec/ret@db/sms", "postgresql://clerk:***"),
        ("postgresql://clerk:sec?ret@db/sms", "postgresql://clerk:***"),
        ("postgresql://clerk:sec#ret@db/sms", "postgresql://clerk:***"),
        ("postgresql://clerk:se@cr/et@db/sms", "postgresql://clerk:***"),
        ("postgresql://clerk:se@cr#et@db/sms", "postgresql://clerk:***"),
        ("postgresql://clerk:se@cr/e=t@db/sms", "postgresql://clerk:***"),
        ("postgresql://clerk@db/sms?p%61ssword=secret", "postgresql://clerk@db/sms?p%61ssword=***"),
        ("postgresql://clerk@db/sms?PASSWORD=secret", "postgresql://clerk@db/sms?PASSWORD=***"),
        ("postgresql://db/sms?password=sec&ret", "postgresql://db/sms?password=***&***"),
        ("postgresql://clerk@db/sms?passfile=/a&b=1", "postgresql://clerk@db/sms?passfile=/a&b=1"),
        ("postgresql://clerk:sec:ret@db/sms", "postgresql://clerk:***@db/sms"),
        ("postgresql:/clerk:secret@db/sms", "postgresql:/clerk:***@db/sms"),
        ("postgresql:clerk:secret@db/sms", "postgresql:clerk:***@db/sms"),
        ("postgresql//clerk:secret@db/sms", "postgresql//clerk:***"),
        ("clerk:secret@db/sms", "clerk:***@db/sms"),
        ("mysql://clerk:secret@db/sms", "mysql://clerk:***@db/sms"),
        ("postgresql://", "postgresql://"),
        ("memry", "memry"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_no_text_of_a_place_has_the_password() -> None:
    place = StorePlace("postgresql", "postgresql://clerk:secret@db/sms")
    for text in (str(place), repr(place), f"{place}", repr([place])):
        assert "secret" not in text
        assert "postgresql://clerk:***@db/sms" in text
    assert msgspec.structs.replace(place) == place
    assert str(StorePlace("sqlite", "/a@b:c/d.db")) == "sqlite:/a@b:c/d.db"
