SELECT id, name FROM item WHERE name IS NOT NULL
