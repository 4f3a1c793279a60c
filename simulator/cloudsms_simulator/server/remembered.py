"""What scenarios remember of an account: how it was created, what was changed since, and what it plays."""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.account_settings import AccountSettings
from cloudsms_simulator.server.playing import Playing


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as one value."""

    settings: AccountSettings | None = None
    """As it was created with; None for an account that was made without any."""
    created: Account
    began: Playing = Playing()
    """What it played at first."""
    playing: Playing = Playing()
    changed: Account | None = None
    """As it was changed over the API, before what its scenario says; None when it was not."""
    changed_settings: AccountSettings | None = None
