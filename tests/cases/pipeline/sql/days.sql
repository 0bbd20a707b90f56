SELECT id AS day FROM changed JOIN orders USING (id)
