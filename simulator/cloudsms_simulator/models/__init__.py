"""What the admin API says, as Structs, for the server that writes them and for the client that reads them.

`journal` has messages, requests, reports and what is told of them; `account` an account with its ledger, clock, rules,
scenario and sink; `explanation` why an exchange went as it did; `server` the server itself, pages and problems. The
functions that make them of the engine's values are the server's: `journal.views`, `services.explainer`, ….

A member has the type that a client can read: words that newer servers may add to are texts, members that older servers
do not send have defaults, and unknown ones are ignored. What this server always writes in them is a row of `WRITTEN`,
`api.openapi`. Names are snake_case, moments ISO 8601 in Hong Kong time, money a pair of strings, durations ISO 8601 or
`3s`; AUTH_KEYs are fingerprints. The modules import little, since each command and each test session does.
"""
