//! Text as one word of a POSIX shell.

/// The text as one word: in single quotes, in which nothing is special (POSIX.1-2017, Shell Command Language, 2.2.2).
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_special() {
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's $HOME; rm -rf `x`"), r"'it'\''s $HOME; rm -rf `x`'");
        assert_eq!(quote(""), "''");
    }
}
