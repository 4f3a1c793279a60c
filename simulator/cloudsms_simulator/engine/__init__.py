"""What the platform decides: accounts, money, acceptance, delivery, time. Pure: no I/O, no clock of its own.

The model: an `Account` is configuration, its `AccountState` (clock, balance, counters) is what moves. A request is an
`Exchange` of the journal; accepted, it is a `Sending` with one `Message` for each destination, each with a `Plan` of
the states it will reach, each of which has a `Report`. All of them are values in `records`: a change is a new value,
written through a `Transaction`, which a store keeps whole or not at all.

The flow, in which only `platform` knows the order of the stages, and no stage calls another:

- A request: `Platform.identify` finds the account; `check` runs the checks of `protocol.checks`; `receive` asks
  whitelist and rate (`refusal`), the rules and magic numbers (`evaluation`, over `rules`), and then refuses
  (`refusal`) or accepts (`acceptance`: local rejections, prices and debits of `billing`, messages with their plans).
- Time: a due message is brought up to now (`delivery`): states are reached, money refunded, reports made and pushed;
  the customer's answer is audited and the next attempt planned.
- A look: nothing that is only told is kept. `diagnosis` works out answers, findings and suspicions from the kept
  bytes, `explanation` who decided, what it costs, what happened and what is to come.

Below these stand `money`, `clock`, `faults` (the names of what can go wrong) and `plan` (steps, delays, chance).
"""
