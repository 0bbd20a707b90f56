SELECT DISTINCT
    customer AS id,
    row_number() OVER (PARTITION BY customer ORDER BY id) AS place
FROM newest
LIMIT 100
