"""All input and output: sockets, TLS, pushes, the admin API, settings and files."""
