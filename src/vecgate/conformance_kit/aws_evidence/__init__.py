"""Evidence from Amazon: a run records what each requirement sent and what was answered.

A file of evidence is checked and merged into the folder `evidence` of the suite. A requirement that was
*inferred* and that Amazon met is *recorded* from then on. Start with `evidence_file`.
"""
