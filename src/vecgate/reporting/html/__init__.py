"""Result streams as HTML pages that need no network and no script, for screens, phones and paper.

`report_page` renders runs, `matrix_page` compares targets, `index_page` lists the runs of a folder, and
`page_files` reads streams and writes pages. `views` computes the data of each page, `charts` draws figures,
and the templates lay them out. Text from a stream is always shown as text, never as markup.
"""
