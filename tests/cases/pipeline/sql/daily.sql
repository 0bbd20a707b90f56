SELECT id AS day, sum(twice) AS total FROM affected JOIN orders ON id = day GROUP BY 1
