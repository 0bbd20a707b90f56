SELECT * FROM daily
