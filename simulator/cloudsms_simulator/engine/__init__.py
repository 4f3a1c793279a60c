"""What the platform decides: accounts, money, admission, messages, outcomes, time. Pure: no I/O, no clock."""
