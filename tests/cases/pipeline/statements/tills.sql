SELECT id FROM tills;
SELECT name FROM tills
