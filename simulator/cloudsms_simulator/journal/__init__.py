"""Reading what happened: search, views, waits and event streams over what the store keeps.

The journal itself is what the store holds: messages, requests (exchanges) and reports. A `JournalView` is one account's
part of it, as items of the admin API. `parse_search` turns a text into a `Search` out of words (`search_syntax`) and
fields (`search_fields`); it is asked of one record and its `SearchContext`. After each step the `ChangeBus` of the
store tells in the next turn of the event loop who subscribed: `waits`, whose futures end when enough records are found
or none can come, and `events`, whose streams of server-sent events share a small part of the processor's time. Nothing
here changes what is kept.
"""
