"""What people write, read with every mistake told at once: settings, accounts, rules, scenario files.

Raw values come out of a file, a flag, a variable or a JSON body (`sources`, `yaml_source`), each with its `Location`.
A `Type` (`schema`, `values`) says what a value may be: it turns the raw value into the program's value or notes an
error at the location and gives INVALID, and it tells JSON Schema, the command line and the documentation the same.
Larger types are tables of smaller ones: an account, a match, a report, a rule, a scenario. `settings` puts flags,
environment, scenario and TOML file together, and remembers where each value came from; `scenario_file` reads a
scenario with all it includes. Whoever has read everything raises one SettingsError with all problems.

Nothing here opens a socket, and nothing but `yaml_source`, `scenario_file` and `services.rule_body` imports PyYAML,
which a start does without.
"""
