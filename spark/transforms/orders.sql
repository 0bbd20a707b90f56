-- One row in, one row out; the key stays. The destination also wants the price of one piece.
SELECT
    order_id,
    customer_id,
    amount,
    quantity,
    status,
    note,
    details,
    ordered_at,
    delivery_date,
    updated_at,
    CAST(amount / quantity AS decimal(12, 2)) AS unit_price
FROM orders
