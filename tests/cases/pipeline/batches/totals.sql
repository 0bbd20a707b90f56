-- Every customer, and at the rates of today.
SELECT o.customer, sum(o.amount * r.rate) AS total
FROM orders o JOIN "serving".rates r ON r.day = current_date
JOIN elsewhere.codes USING (customer)
GROUP BY o.customer
