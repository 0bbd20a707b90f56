//! The tortured table: a column of every type, with the values that are hard to carry.

/// A column, and what is put into it.
pub struct Column {
    pub name: &'static str,
    /// As the databases declare it.
    pub sql: &'static str,
    /// As pipeline.yml declares it, where that is another word.
    pub declared: Option<&'static str>,
    /// SQL of values; NULL is among those of every column anyway.
    pub values: &'static [&'static str],
}

impl Column {
    /// The type in pipeline.yml.
    pub fn declared(&self) -> &'static str {
        self.declared.unwrap_or(self.sql)
    }
}

const fn column(name: &'static str, sql: &'static str, values: &'static [&'static str]) -> Column {
    Column { name, sql, declared: None, values }
}

/// The key; rows have these first.
pub const KEY: [(&str, &str); 2] = [("id", "bigint"), ("part", "text")];

/// Values of `part`: Unicode in a key, quotes, blanks, nothing.
pub const PARTS: [&str; 6] = ["'a'", "''", "'ß 😀'", "'it''s \"fine\"'", r"E'tab\tline\nback\\slash'", "' blank '"];

/// Everything but the key.
pub const COLUMNS: &[Column] = &[
    column("note", "text", &["'plain'", "''", "' '", "'longer than the others, but not by much'"]),
    column("c_small", "smallint", &["-32768", "32767", "0"]),
    column("c_int", "integer", &["-2147483648", "2147483647", "0", "-1"]),
    column("c_big", "bigint", &["-9223372036854775808", "9223372036854775807", "0"]),
    column("c_decimal", "numeric(12,2)", &["-9999999999.99", "9999999999.99", "0", "0.01", "1.5"]),
    column("c_wide", "numeric(38,10)", &["1234567890123456789012345678.0123456789", "-0.0000000001"]),
    column("c_huge", "numeric(60,20)", &["1.5", "1234567890123456789012345678901234567890.12345678901234567890"]),
    column(
        "c_numeric",
        "numeric",
        &["'NaN'", "'Infinity'", "'-Infinity'", "1.50", "1e-30", "-0.000", "repeat('9', 400)::numeric", "1e30"],
    ),
    column("c_real", "real", &["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0.1", "1e-45", "3.4028235e38"]),
    column(
        "c_double",
        "double precision",
        &["'NaN'", "'Infinity'", "'-0'", "0.1", "4.9e-324", "1.7976931348623157e308"],
    ),
    column("c_bool", "boolean", &["true", "false"]),
    column(
        "c_text",
        "text",
        &[
            r#"E'a\\b\n\t\r"\'\u0085\u2028\U0001F600\u0001|'"#,
            "''",
            "E'\\\\N'",
            "'NULL'",
            "'[null]'",
            "repeat('long ', 3000)",
        ],
    ),
    column("c_varchar", "character varying(40)", &["''", "'Zoë Åkerström'", "'👩‍👩‍👧‍👦'"]),
    column("c_char", "char(6)", &["''", "'ab'", "'ab  cd'", r"E'\t\n'", "'äöü'"]),
    column("c_uuid", "uuid", &["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'00000000-0000-0000-0000-000000000000'"]),
    column("c_json", "json", &[r#"'{"a":  1, "a": 2}'"#, "'null'", "'\"\"'", r#"'{"u": "\u0001 😀", "n": 1.10}'"#]),
    column(
        "c_jsonb",
        "jsonb",
        &[r#"'{"a": 1.10, "b": [null, "ä\\n"]}'"#, "'null'", "'{}'", "'12345678901234567890.5'"],
    ),
    column("c_bytea", "bytea", &[r"'\x'", r"'\x00ff10'", "decode(repeat('00ff', 3000), 'hex')"]),
    column(
        "c_date",
        "date",
        &[
            "'infinity'",
            "'-infinity'",
            "'1969-12-31'",
            "'1582-10-10'",
            "'0001-01-01'",
            "'0001-12-31 BC'",
            "'4714-11-24 BC'",
            "'9999-12-31'",
            "'10000-01-01'",
            "'5874897-12-31'",
        ],
    ),
    column("c_time", "time", &["'00:00:00'", "'23:59:59.999999'", "'24:00:00'", "'12:34:56.7'"]),
    column("c_time3", "time(3)", &["'12:34:56.789'", "'24:00:00'"]),
    column(
        "c_ts",
        "timestamp",
        &[
            "'infinity'",
            "'-infinity'",
            "'1969-12-31 23:59:59.999999'",
            "'1582-10-10 01:02:03.000001'",
            "'0001-12-31 23:59:59.999999 BC'",
            "'4714-11-24 00:00:00 BC'",
            "'2263-01-01 00:00:00.000001'",
            "'10000-01-01 00:00:00'",
            "'294246-12-31 23:59:59.999999'",
        ],
    ),
    column("c_ts3", "timestamp(3)", &["'2026-01-02 03:04:05.678'", "'infinity'", "'1582-10-10 01:02:03.001'"]),
    column(
        "c_tstz",
        "timestamptz",
        &[
            "'infinity'",
            "'-infinity'",
            "'1969-12-31 23:59:59.999999+00'",
            "'1582-10-10 01:02:03.000001+01'",
            "'0001-12-31 23:59:59.999999+00 BC'",
            "'4714-11-25 00:00:00+00 BC'",
            "'2263-01-01 00:00:00.000001+00'",
            "'10000-01-01 00:00:00+00'",
            "'294246-12-31 23:59:59.999999+00'",
        ],
    ),
    column(
        "c_interval",
        "interval",
        &["'0'", "'1 year -2 mons +3 days -04:05:06.000001'", "'-13 mons'", "'100000 hours'", "'-0.5 seconds'"],
    ),
    column("c_inet", "inet", &["'10.0.0.1'", "'10.0.0.1/8'", "'::1/64'", "'2001:db8::1'"]),
    column("c_cidr", "cidr", &["'10.0.0.0/8'", "'10.0.0.1/32'", "'2001:db8::/32'"]),
    column("c_mac", "macaddr", &["'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'"]),
    Column {
        name: "c_mood",
        sql: "torture_mood",
        declared: Some("enum"),
        values: &["'sad'", "'it''s \"fine\"'", "'größer als'"],
    },
    column("a_small", "smallint[]", &["'{}'", "'{1,NULL,-32768}'"]),
    column("a_int", "integer[]", &["'{}'", "'{2147483647,NULL}'"]),
    column("a_big", "bigint[]", &["'{9223372036854775807,NULL,0}'"]),
    column("a_bool", "boolean[]", &["'{t,f,NULL}'", "'{}'"]),
    column(
        "a_text",
        "text[]",
        &[r#"ARRAY['a', NULL, '', 'NULL', E'a,b"\\\n😀', '{}', '-', '1:a']"#, "'{NULL}'", "'{}'"],
    ),
    column("a_uuid", "uuid[]", &["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}'"]),
    column("a_real", "real[]", &["'{0.1,NULL,NaN,Infinity,-Infinity,-0}'", "'{3.4028235e38}'"]),
    column("a_double", "double precision[]", &["'{0.1,NULL,NaN,-Infinity,-0,4.9e-324}'"]),
    column("a_numeric", "numeric[]", &["'{1.50,NULL,1234567890123456789012345678901234567890.5,-0.00}'"]),
    column("a_decimal", "numeric(10,2)[]", &["'{1.5,NULL,-99999999.99}'"]),
    column("a_date", "date[]", &["'{2026-01-02,NULL,1969-12-31,9999-12-31}'", "'{infinity,2026-01-02}'"]),
    column("a_ts", "timestamp[]", &["'{2026-01-02 03:04:05.678901,NULL,1583-01-01 00:00:00}'", "'{-infinity}'"]),
    column(
        "a_tstz",
        "timestamptz[]",
        &["'{2026-01-02 03:04:05.678901+01,NULL,9999-12-31 00:00:00+00}'", "'{infinity}'"],
    ),
    column("a_inet", "inet[]", &["'{10.0.0.1/8,NULL,::1}'"]),
    column("a_bytea", "bytea[]", &[r"ARRAY['\x00ff'::bytea, NULL, '\x']"]),
];
