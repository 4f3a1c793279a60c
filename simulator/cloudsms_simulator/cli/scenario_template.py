"""The scenario file to begin with: rules that work as they are, and what else there is as comments."""

from cloudsms_simulator.server.scenario_schema import editor_line

_TEMPLATE = """\
# How the platform behaves: what it answers, what becomes of messages, what goes wrong and when.
# Every key: scenarios/README.md. Check it with `cloudsms-simulator scenario validate FILE`, play it with
# `cloudsms-simulator serve --scenario FILE --watch`, which reads it again whenever it changes.
version: 1
about: what a client does when the platform is busy, and when messages do not arrive
seed: 42 # the same seed, the same outcome

# The first rule that fits decides for a destination.
rules:
  - id: busy-then-ok
    match: { to: "852*", content: { contains: code } }
    reply: [{ code: Busy, times: 2 }, OK]
  - id: phone-off
    match: { to: "65*" }
    report: [{ state: ENROUTE, after: 5s }, { none: true }] # EXPIRED at 25 h

# What becomes of messages no rule says anything about; shares in percent.
defaults:
  report:
    mix: { DELIVERED: 90, UNDELIVERABLE: 6, EXPIRED: 4 }
    delay: { type: lognormal, median: 7s, sigma: 0.8 }

# What goes wrong on the way to an answer; the first that fits.
# faults:
#   - { id: lost-answer, match: { nth: 5 }, fault: PROCESSED_NO_ANSWER }
#   - { id: slow, probability: 0.05, delay: { type: uniform, lower: 200ms, upper: 900ms } }

# What the configuration says of an account, said here instead.
# accounts:
#   - name: default
#     balance: { amount: "10.00", currency: HKD }
#     prices: { "852": "0.05", "65": "0.06" }
#     callback: { url: "https://localhost:59999/", retries: [1s, 10s, 30s] }

# Other scenarios that take over, here bundled ones.
# timeline:
#   - { at: 10m, scenario: blackout }
#   - { at: 20m, scenario: delivered }

# Numbers that end in 555001 and the like mean what they always mean, unless they are switched off.
# magic: off
"""


def scenario_template() -> str:
    """The text of the file, its first line telling editors where the schema is: beside it.

    It is good as it is, and so it is with the `# ` taken away from any block of lines that begins with a key.
    """
    return f"{editor_line()}\n{_TEMPLATE}"
