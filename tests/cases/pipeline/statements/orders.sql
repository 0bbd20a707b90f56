-- A misspelt column, a column of nothing, and half of the key.
SELECT
    id,
    amuont,
    upper(o.notes) AS note,
    amount,
    amount * 2 AS amount
FROM orders o
