"""Where it is kept, behind one protocol.

The journal is what a store holds: of each account its state and counters, exchanges, messages, reports and ledger, and
when to look at which message again. `store` is the protocol: in a `step` the platform fills in a `Transaction`, and all
of it is kept or nothing; listings, wakes and whole snapshots are read beside that. Its `ChangeBus` tells those who
subscribed of each commit. `memory` is the store of this process: an `AccountPartition` for each account, whose wakes
wait in a `DueQueue`, and a `Retention` over all of them that evicts the oldest. `durable` is a store that outlives the
process: it has the same partitions as a view, and takes turns (`turn`) in which the steps that wait are decided on
drafts, written to a `Database` in one transaction, and only then put into the view. `rows` are what it writes, with
`codec`, which turns what is in the journal into JSON and back, for state documents too; `loading` reads them again.
`database` has the schema; `sqlite` is the database of one file, `postgres` one on a server. A store knows the engine's
values and `Transaction`, and nothing of settings or pages.
"""
