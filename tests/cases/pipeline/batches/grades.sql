SELECT customer, rank() OVER (ORDER BY total) AS grade
FROM affected JOIN totals USING (customer)
