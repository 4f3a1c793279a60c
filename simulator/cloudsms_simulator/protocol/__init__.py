"""The wire: packets, codes, checks and encodings. Pure, and knows no account."""
