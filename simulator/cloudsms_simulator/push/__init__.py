"""Delivery reports on their way to the customer, and the receiver that takes them.

A `Dispatcher` has an `AccountDispatcher` for each account. That sleeps until the next report is due (`DueTimer`), takes
what is due from the platform in one transaction, has the `PushClient` make the pushes side by side (`InFlight`), and
keeps what came of them in the next transaction; retries are rows with a due time in the store, so they follow the
account's clock. `client` also makes pushes that go wrong on purpose, piece by piece; `failures` says what kept a push
from its answer and what mends it. `receiver` is the other side: a customer's server with answers that can be set, which
the command line and the built-in `Sink` use.
"""
