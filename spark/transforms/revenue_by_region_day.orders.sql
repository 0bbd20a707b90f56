-- Groups that the orders in `changed` (their keys) belong to.
SELECT DISTINCT c.region_id, (o.ordered_at AT TIME ZONE 'UTC')::date AS day
FROM changed
JOIN orders o USING (order_id)
JOIN customers c USING (customer_id)
