-- Groups that the orders of the customers in `changed` (their keys) belong to.
SELECT DISTINCT c.region_id, (o.ordered_at AT TIME ZONE 'UTC')::date AS day
FROM changed
JOIN customers c USING (customer_id)
JOIN orders o USING (customer_id)
