"""What a run found: frozen records, written as JSON lines while it runs, and read back by every report.

`records` says what there is, `stream` writes and reads it. Nothing here decides or renders. Imports only
`vecgate.errors`.
"""
