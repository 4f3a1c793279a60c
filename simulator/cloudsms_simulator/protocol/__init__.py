"""The wire: packets, codes, checks and encodings. Pure: no file, no socket, no clock, and no account either.

Everything here is a function of bytes and values, so all of it can be tried with nothing running. What the wire says is
in the tables: `codes` (RESULT_CODE, SMS_STATE, country codes), `profile` (which platform is speaking), the limits and
fields in `packet`, and `findings` (the rules that a finding can name).

A request: bytes → `packet.decode` (with `json_text` for what the decoder refused) → a `candidate.Candidate` →
`checks`, from the first to the last → a `Submission`, whose text `segmentation` has measured, or a `Refusal` with its
code. Either is answered by `answer`, which also issues the SMS_UIDs. What `mistakes` a client makes although its
packet passes, and what `correction` would make a refused one pass, is worked out only when somebody looks.

A report: `delivery_report` writes it and audits the customer's answer. `customer` is the other end of the wire, for
whoever plays a customer. `masking` keeps AUTH_KEYs out of everything that is stored or shown. `timestamps` and
`unicode_text` stand below all of these.
"""
