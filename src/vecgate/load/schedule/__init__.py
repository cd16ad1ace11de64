"""The open-loop schedule: which arrival is due when, as which operation, on which worker.

Pure: no clock, no randomness beyond the seed, no I/O. Start with `arrival_schedule`.
"""
