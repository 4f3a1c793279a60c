"""The use cases: what the platform's port, the admin API and the inbox have done, each by one service.

A request on the wire takes this way: `endpoint` reads the packet and has the platform decide in a step of the store;
`answer_faults` spoils or delays the answer when a rule says so; `recorder` keeps and logs what is no ordinary exchange.
What somebody asks for over the admin API goes to one of the others: `accounts`, `scenarios`, `clocks`, `sending`,
`explainer`, `snapshot`. Each belongs to one event loop, takes the store and the collaborators it needs when it is made,
and knows no HTTP of the admin API. `info`, `metrics` and `ready_file` tell what a server is and has done.
"""
