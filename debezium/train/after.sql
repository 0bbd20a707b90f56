-- What follows a snapshot: inserts, updates, deletes, a truncate.
INSERT INTO sample (id, amount, name) SELECT i, i, 'late ' || i FROM generate_series(100001, 110000) AS i;
UPDATE sample SET amount = amount + 1, note = 'changed' WHERE id % 5 = 0;
DELETE FROM sample WHERE id % 7 = 0;
TRUNCATE sample;
INSERT INTO sample (id, amount, name) VALUES (1, 1, 'last');
