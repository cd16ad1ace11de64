"""Series of runs: the capacity search and the scaling grid.

`capacity_experiment` and `scaling_experiment` run an experiment as a whole. The search itself
(`capacity_search`) and the grid itself (`scaling_grid`) are pure.
"""
