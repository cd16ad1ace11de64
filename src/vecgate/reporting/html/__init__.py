"""Result streams as HTML files: no network, no script needed, light and dark, on paper and on a phone.

`page.render` makes the report of runs, `matrix.render_matrix` sets targets side by side, `index.render_index`
lists what a folder holds. `charts` draws; `load`, `scaling`, `benchmarks` and `conformance` say what; the
templates say where. What a stream holds is shown as text, whatever it is.
"""
