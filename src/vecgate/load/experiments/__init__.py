"""Series of runs: the capacity search, the sweep and the scaling grid.

`capacity_experiment`, `sweep_experiment` and `scaling_experiment` run an experiment as a whole. The search
itself (`capacity_search`), the points of a sweep (`sweep_points`) and the grid itself (`scaling_grid`) are
pure.
"""
