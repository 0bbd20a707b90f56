//! Column types: those that the pipeline carries from Debezium's JSON to both databases, under one name each.
//!
//! The same table stands in `spark/lib/column_types.py`, which also tells what each becomes in Spark.

/// Types without parameters.
const SCALARS: [&str; 22] = [
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
    "boolean",
    "text",
    "char",
    "uuid",
    "json",
    "jsonb",
    "bytea",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "inet",
    "cidr",
    "macaddr",
    "enum",
];

/// Types whose arrays do not arrive: Debezium cuts times to milliseconds, leaves intervals and enums out, and a document of
/// JSON texts cannot be told from one of JSON values.
const NO_ARRAY: [&str; 5] = ["time", "interval", "enum", "json", "jsonb"];

/// Types that may have a length or precision, which has no part in how their values travel.
const LENGTHS: [&str; 6] = ["text", "char", "time", "timestamp", "timestamptz", "interval"];

/// Other names that Postgres knows for them.
const ALIASES: [(&str, &str); 16] = [
    ("int2", "smallint"),
    ("int", "integer"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("decimal", "numeric"),
    ("float4", "real"),
    ("double", "double precision"),
    ("float8", "double precision"),
    ("bool", "boolean"),
    ("varchar", "text"),
    ("character varying", "text"),
    ("character", "char"),
    ("bpchar", "char"),
    ("time without time zone", "time"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
];

/// A type's name taken apart.
struct Parts {
    /// Without parameters, aliases resolved.
    base: String,
    /// What stands in parentheses, without blanks.
    parameters: Option<String>,
    is_array: bool,
}

impl Parts {
    fn of(text: &str) -> Self {
        let lower = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let (element, is_array) =
            lower.strip_suffix("[]").map_or((lower.as_str(), false), |element| (element.trim_end(), true));
        // `timestamp(3) with time zone` has its precision in the middle.
        let (base, parameters) = match (element.find('('), element.find(')')) {
            (Some(open), Some(close)) if open < close => {
                let base = format!("{}{}", element[..open].trim_end(), &element[close + 1..]);
                (base, Some(element[open + 1..close].replace(' ', "")))
            }
            _ => (element.to_owned(), None),
        };
        let known = ALIASES.iter().find(|(alias, _)| *alias == base).map(|(_, name)| (*name).to_owned());
        Self { base: known.unwrap_or(base), parameters, is_array }
    }

    /// The name again; lengths of text do not matter, precision and scale of numbers and the blanks of `char` do.
    fn name(&self) -> String {
        let parameters = match (self.base.as_str(), &self.parameters) {
            ("numeric", Some(parameters)) => format!("({parameters})"),
            ("char", Some(length)) if length != "1" => format!("({length})"),
            _ => String::new(),
        };
        format!("{}{parameters}{}", self.base, if self.is_array { "[]" } else { "" })
    }
}

/// One spelling for any type of Postgres': pipeline.yml may write `int8`, the database's catalog says `bigint`.
pub fn type_name(text: &str) -> String {
    Parts::of(text).name()
}

/// What a type says of the length of its texts, or of the digits of its seconds: `varchar(40)` 40, `timestamp(3)` 3; nothing where it
/// sets no limit, and for types of other families.
pub fn limit(text: &str) -> Option<u32> {
    let parts = Parts::of(text);
    let stated = parts.parameters.as_deref().and_then(|parameters| parameters.parse().ok());
    match parts.base.as_str() {
        "char" => Some(stated.unwrap_or(1)),
        "text" | "time" | "timestamp" | "timestamptz" => stated,
        _ => None,
    }
}

/// The one name of a type (`int8` is `bigint`, `decimal(12, 2)` is `numeric(12,2)`); the error says what is wrong with it.
pub fn canonical_type(text: &str) -> Result<String, String> {
    let mut parts = Parts::of(text);
    if !SCALARS.contains(&parts.base.as_str()) {
        return Err(format!("`{text}` is not a type that the pipeline carries"));
    }
    if parts.is_array && NO_ARRAY.contains(&parts.base.as_str()) {
        return Err(format!("`{text}`: arrays of {} do not arrive whole from Debezium", parts.base));
    }
    match &parts.parameters {
        Some(parameters) if parts.base == "numeric" => parts.parameters = Some(digits(text, parameters)?),
        Some(length) if !LENGTHS.contains(&parts.base.as_str()) || length.parse::<u32>().is_err() => {
            return Err(format!("`{text}` is not a type that the pipeline carries"));
        }
        _ => {}
    }
    Ok(parts.name())
}

/// Precision and scale, both of them written out.
fn digits(text: &str, parameters: &str) -> Result<String, String> {
    let (precision, scale) = parameters.split_once(',').unwrap_or((parameters, "0"));
    match (precision.parse::<u32>(), scale.parse::<u32>()) {
        (Ok(precision @ 1..=1000), Ok(scale)) if scale <= precision => Ok(format!("{precision},{scale}")),
        _ => Err(format!("`{text}` needs a precision of 1 to 1000 and a scale within it")),
    }
}

/// All names, for a hint.
pub(super) fn known() -> String {
    let arrays = SCALARS.iter().filter(|name| !NO_ARRAY.contains(name)).map(|name| format!("{name}[]"));
    let scalars = SCALARS.iter().map(|name| match *name {
        "numeric" => "numeric, numeric(p,s)".to_owned(),
        "text" => "text, varchar(n)".to_owned(),
        "char" => "char(n)".to_owned(),
        name => name.to_owned(),
    });
    scalars.chain(arrays).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_name() {
        let cases = [
            ("bigint", "bigint"),
            ("INT8", "bigint"),
            ("int[]", "integer[]"),
            ("varchar(40)", "text"),
            ("varchar(40)[]", "text[]"),
            ("character varying", "text"),
            ("character(6)", "char(6)"),
            ("character(1)", "char"),
            ("timestamp  with time zone", "timestamptz"),
            ("timestamp(3) with time zone[]", "timestamptz[]"),
            ("decimal(12, 2)", "numeric(12,2)"),
            ("numeric(5)", "numeric(5,0)"),
            ("numeric(60,20)", "numeric(60,20)"),
            ("numeric", "numeric"),
            ("numeric(5)[]", "numeric(5,0)[]"),
            ("bytea", "bytea"),
            ("enum", "enum"),
        ];
        for (text, name) in cases {
            assert_eq!(canonical_type(text).as_deref(), Ok(name), "{text}");
            assert_eq!(canonical_type(name).as_deref(), Ok(name), "a name stands for itself");
        }
    }

    #[test]
    fn a_limit_is_told_of_texts_and_times() {
        let cases = [
            ("character varying(40)", Some(40)),
            ("character varying(40)[]", Some(40)),
            ("text", None),
            ("character", Some(1)),
            ("timestamp(0) with time zone", Some(0)),
            ("timestamp without time zone", None),
            ("time(3) without time zone", Some(3)),
            ("numeric(12,2)", None),
            ("bit(3)", None),
        ];
        for (text, found) in cases {
            assert_eq!(limit(text), found, "{text}");
        }
    }

    #[test]
    fn what_does_not_arrive_is_refused() {
        let refused = [
            "money",
            "numeric(1001,2)",
            "numeric(2,3)",
            "numeric(5,-2)",
            "numeric(a)",
            "varchar(x)",
            "date(",
            "date(3)",
            "text[][]",
            "",
        ];
        for text in refused {
            assert!(canonical_type(text).is_err(), "{text}");
        }
        let error = canonical_type("time(3)[]").unwrap_err();
        assert_eq!(error, "`time(3)[]`: arrays of time do not arrive whole from Debezium");
    }
}
