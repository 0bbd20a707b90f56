SELECT DISTINCT customer FROM changed JOIN orders USING (id)
