SELECT DISTINCT date_trunc('month', day)::date AS month FROM changed
