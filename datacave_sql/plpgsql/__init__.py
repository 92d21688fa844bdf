"""PL/pgSQL: its own grammar, compiled to closures; expressions and statements are the SQL layer's.

    scanner -> declarations, statements (the grammar) -> syntax (the tree)
    functions (one function ready to run) <- blocks, control, queries, raising, cursors (closures) <- expressions

A variable has a number in its function; in SQL it is the parameter of that number plus one, so the values of a running
function are the parameters of all its statements. Bodies run inside the greenlet of the statement that calls them.
"""
