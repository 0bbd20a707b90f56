SELECT upper(code) AS code, name FROM codes
