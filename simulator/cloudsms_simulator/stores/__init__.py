"""Where it is kept, behind one protocol."""
