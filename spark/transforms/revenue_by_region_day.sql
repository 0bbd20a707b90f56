-- Runs in the destination database. Computes the groups listed in `affected` (the aggregate's key columns) from scratch.
SELECT
    c.region_id,
    a.day,
    count(*)      AS orders,
    sum(o.amount) AS revenue
FROM affected a
JOIN customers c ON c.region_id = a.region_id
JOIN orders o ON o.customer_id = c.customer_id
             AND (o.ordered_at AT TIME ZONE 'UTC')::date = a.day
GROUP BY c.region_id, a.day
