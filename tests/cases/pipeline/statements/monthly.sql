SELECT month, sum(total) AS total FROM totals JOIN affected USING (month) GROUP BY month
