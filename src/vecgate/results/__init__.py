"""The results of a run: frozen records, written as JSON lines while it runs and read back by every report.

Start at `records`, which lists the record types, and `result_stream`, which writes and reads them. Nothing
here judges or renders a run. Imports only `vecgate.errors` and `vecgate.formatting`.
"""
