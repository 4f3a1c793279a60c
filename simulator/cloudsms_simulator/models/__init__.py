"""What the admin API says, as Structs: messages, requests, reports, accounts, explanations, the ledger.

An item is made of the engine's values by a function beside its Struct (`message_item`, `request_item`,
`explanation_item`, …). Names are snake_case, moments ISO 8601 in Hong Kong time, money a pair of strings, durations
ISO 8601 or `3s`; AUTH_KEYs are fingerprints. The modules import nothing but `protocol`, `engine` and msgspec, so that
client, command line and plugin can use them. Items of other things are still defined with the service they show
(`services.clocks`, `journal.views`, `services.info`).
"""
