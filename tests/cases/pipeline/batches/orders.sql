SELECT id, any_value(customer) AS customer, sum(amount) AS amount
FROM orders
GROUP BY id
