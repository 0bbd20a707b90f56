SELECT a.dya, m.total
FROM affected a
JOIN monthly m USING (day)
