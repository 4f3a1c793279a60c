"""The inbox: pages on the admin port that show what happened, and move what the admin API moves."""
