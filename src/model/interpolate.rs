//! `${VAR:-default}` and the rest of the Compose grammar.
//!
//! `$NAME`, `${NAME}`, and with an operator `:-` `-` (default), `:?` `?` (required), `:+` `+` (replacement); the colon
//! makes an empty value count as unset. The right side is interpolated itself. `$$` is a dollar sign.

/// Levels of nesting of `${..}`.
const DEPTH: usize = 32;

/// Why a text cannot be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpolateError {
    /// `${NAME:?message}` and the variable is unset.
    #[error("required variable `{name}` is not set{}", .message.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Missing {
        /// The variable.
        name: String,
        /// The file's own words.
        message: Option<String>,
        /// The text that asked for it, for locating it.
        expression: String,
    },
    /// A dollar sign begins nothing that the grammar knows.
    #[error("invalid interpolation `{expression}`")]
    Invalid {
        /// The text in question.
        expression: String,
    },
}

impl InterpolateError {
    /// The text in question.
    pub fn expression(&self) -> &str {
        match self {
            Self::Missing { expression, .. } | Self::Invalid { expression } => expression,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { name, .. } => format!("set it in the environment or in .env: {name}=value"),
            Self::Invalid { .. } => "write `${NAME}`, or `$$` for a dollar sign".to_owned(),
        }
    }
}

/// Replaces every variable of `text`; one that is unset and has no default becomes empty.
pub fn interpolate(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, InterpolateError> {
    interpolate_noting(text, lookup, &mut |_| {})
}

/// As [`interpolate`], and tells `unset` the name of each variable that became empty for want of a value.
pub(crate) fn interpolate_noting(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    unset: &mut dyn FnMut(&str),
) -> Result<String, InterpolateError> {
    Interpolation { lookup, unset }.text(text, 0)
}

struct Interpolation<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    unset: &'a mut dyn FnMut(&str),
}

impl Interpolation<'_> {
    fn text(&mut self, text: &str, depth: usize) -> Result<String, InterpolateError> {
        if depth > DEPTH {
            return Err(invalid(text));
        }
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            result.push_str(&rest[..at]);
            let from = &rest[at..];
            let after = &from[1..];
            rest = if let Some(after) = after.strip_prefix('$') {
                result.push('$');
                after
            } else if after.starts_with('{') {
                let end = closing_brace(from).ok_or_else(|| invalid(from))?;
                result.push_str(&self.braced(&from[..=end], depth)?);
                &from[end + 1..]
            } else {
                let length = name_length(after);
                if length == 0 {
                    return Err(invalid(from));
                }
                result.push_str(&self.plain(&after[..length]));
                &after[length..]
            };
        }
        result.push_str(rest);
        Ok(result)
    }

    /// `${..}`, braces included.
    fn braced(&mut self, expression: &str, depth: usize) -> Result<String, InterpolateError> {
        let inner = &expression[2..expression.len() - 1];
        let (name, rest) = inner.split_at(name_length(inner));
        if name.is_empty() {
            return Err(invalid(expression));
        }
        let (colon, operator) = match rest.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.is_empty() {
            return Ok(self.plain(name));
        }
        let value = (self.lookup)(name).filter(|value| !(colon && value.is_empty()));
        if let Some(default) = operator.strip_prefix('-') {
            value.map_or_else(|| self.text(default, depth + 1), Ok)
        } else if let Some(replacement) = operator.strip_prefix('+') {
            value.map_or_else(|| Ok(String::new()), |_| self.text(replacement, depth + 1))
        } else if let Some(message) = operator.strip_prefix('?') {
            let Some(value) = value else {
                let message = Some(self.text(message, depth + 1)?).filter(|message| !message.is_empty());
                return Err(InterpolateError::Missing {
                    name: name.to_owned(),
                    message,
                    expression: expression.to_owned(),
                });
            };
            Ok(value)
        } else {
            Err(invalid(expression))
        }
    }

    fn plain(&mut self, name: &str) -> String {
        (self.lookup)(name).unwrap_or_else(|| {
            (self.unset)(name);
            String::new()
        })
    }
}

/// Position of the brace that closes the `${` at the start; only `${` opens a level, as in Compose.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'$' if bytes.get(at + 1) == Some(&b'$') => at += 1,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                open += 1;
                at += 1;
            }
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Length of the variable name at the start.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

fn invalid(expression: &str) -> InterpolateError {
    let line = expression.lines().next().unwrap_or_default();
    InterpolateError::Invalid { expression: line.chars().take(60).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SET` has a value, `EMPTY` is empty, everything else is unset.
    fn variables(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn the_whole_grammar() {
        let cases = [
            ("plain", "plain"),
            ("$SET", "value"),
            ("$SET-x", "value-x"),
            ("${SET}", "value"),
            ("a${SET}b${SET}", "avaluebvalue"),
            ("${UNSET}", ""),
            ("${UNSET-default}", "default"),
            ("${EMPTY-default}", ""),
            ("${EMPTY:-default}", "default"),
            ("${SET:-default}", "value"),
            ("${UNSET:-}", ""),
            ("${SET+other}", "other"),
            ("${EMPTY+other}", "other"),
            ("${EMPTY:+other}", ""),
            ("${UNSET+other}", ""),
            ("${SET?needed}", "value"),
            ("${EMPTY?needed}", ""),
            ("${UNSET:-${EMPTY:-${SET}}}", "value"),
            ("${UNSET:-a$$b}", "a$b"),
            ("${UNSET:-http://host:80/?a=b}", "http://host:80/?a=b"),
            ("$$SET $${SET}", "$SET ${SET}"),
            ("${UNSET:-größe}", "größe"),
        ];
        for (text, expected) in cases {
            assert_eq!(interpolate(text, &variables).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_required_variable_says_its_own_message() {
        let error = interpolate("x ${UNSET:?give one, ${SET}}", &variables).unwrap_err();
        assert_eq!(error.to_string(), "required variable `UNSET` is not set: give one, value");
        assert_eq!(error.expression(), "${UNSET:?give one, ${SET}}");
        assert_eq!(
            interpolate("${EMPTY:?}", &variables).unwrap_err().to_string(),
            "required variable `EMPTY` is not set"
        );
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in ["$", "a $ b", "${}", "${SET", "$1", "${1A}", "${SET:x}", "${SET x}", "${UNSET:-${}"] {
            assert!(matches!(interpolate(text, &variables), Err(InterpolateError::Invalid { .. })), "{text}");
        }
    }

    #[test]
    fn names_what_was_unset() {
        let mut unset = Vec::new();
        interpolate_noting("$A ${B} ${C:-c} ${SET}", &variables, &mut |name| unset.push(name.to_owned())).unwrap();
        assert_eq!(unset, ["A", "B"]);
    }
}
