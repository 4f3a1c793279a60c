"""The suites are run by `test_suites.py`, each as a project of its own."""

collect_ignore = ["python"]
