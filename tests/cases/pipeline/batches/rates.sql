WITH plain AS (SELECT * FROM rates)
SELECT plain.id, day, rate, (SELECT max(rate) FROM lake.orders) AS most
FROM plain WHERE rate > 0
