-- One row in, one row out; the key stays. E-mail addresses are compared by people: one spelling.
SELECT
    customer_id,
    customer_uid,
    trim(name)   AS name,
    lower(email) AS email,
    region_id,
    birth_date,
    active,
    tags,
    attributes,
    created_at,
    updated_at
FROM customers
