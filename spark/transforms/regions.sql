-- Any SELECT over the changed rows of the source table; it must keep the key.
SELECT region_id, name, created_at
FROM regions
