//! The lines that are typed into a terminal.
//!
//! A terminal in its ordinary mode takes lines of less than 4,096 bytes, and what is typed may be printed again. So
//! commands are typed in base64, in pieces, and a [`Mark`] is typed in two halves: whole, it is only ever printed.

use data_encoding::BASE64;
use uuid::Uuid;

/// A word that nobody else prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    random: String,
}

impl Mark {
    pub(super) fn new() -> Self {
        Self {
            random: Uuid::new_v4().simple().to_string(),
        }
    }

    /// As it is printed.
    pub(super) fn printed(&self) -> String {
        format!("<{}>", self.random)
    }

    /// As it is typed: two words for `printf '%s%s'`.
    fn typed(&self) -> String {
        let (first, second) = self.random.split_at(self.random.len() / 2);
        format!("'<{first}' '{second}>'")
    }
}

/// Makes any login shell a plain one: no echo, no line editor, no prompt, no history, no hooks, no timeout.
///
/// `exec env` instead of assignments, since some of these may be read-only in the login shell. That one forgets its
/// history file first, since `exec` would add this line to it.
pub(super) fn plain_shell(mark: &Mark) -> String {
    let printf = format!(r#"printf '\n%s%s%s\n' {} "${{TMUX:+tmux}}""#, mark.typed());
    let environment =
        "env -u TMOUT -u ENV -u BASH_ENV PS1= PS2= PROMPT_COMMAND= HISTFILE=/dev/null INPUTRC=/dev/null";
    format!(
        " unset HISTFILE 2>/dev/null; stty -echo -opost -ixon 2>/dev/null; {printf}; if command -v bash >/dev/null 2>&1; \
         then exec {environment} bash --noprofile --norc --noediting; else exec {environment} sh; fi"
    )
}

/// Prints a mark on a line of its own.
pub(super) fn print(mark: &Mark) -> String {
    format!(r"printf '\n%s%s\n' {}", mark.typed())
}

/// Lines that put a command into the variable `c`, in base64.
pub(super) fn command_pieces(command: &str, piece_len: usize) -> Vec<String> {
    let encoded = BASE64.encode(command.as_bytes());
    let mut lines = vec!["c=".to_owned()];
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(piece_len.min(rest.len()));
        lines.push(format!("c=${{c}}{piece}"));
        rest = behind;
    }
    lines
}

/// Runs the command in `c` at home with empty input, between two marks; its status follows the second. What the shell
/// itself says of its end, such as `Killed`, is not part of its output.
pub(super) fn run_command(begin: &Mark, end: &Mark) -> String {
    format!(
        "printf '\\n%s%s\\n' {}; {{ (cd; exec sh -c \"$(printf %s \"$c\" | base64 -d)\") </dev/null 2>&1; }} 2>/dev/null; {}",
        begin.typed(),
        print_status(end)
    )
}

/// Prints a mark and the status of what ran before.
pub(super) fn print_status(end: &Mark) -> String {
    format!(r#"printf '\n%s%s %d\n' {} "$?""#, end.typed())
}

/// Becomes the command in `c`, on a terminal that changes nothing, behind a mark.
pub(super) fn become_command(mark: &Mark) -> String {
    format!(
        "stty raw -echo 2>/dev/null; cd; printf '\\n%s%s\\n' {}; exec sh -c \"$(printf %s \"$c\" | base64 -d)\" 2>/dev/null",
        mark.typed()
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn run(shell: &str, script: &str) -> String {
        let output = Command::new(shell)
            .arg("-c")
            .arg(script)
            .output()
            .expect("the shell runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn a_mark_is_never_typed_as_it_is_printed() {
        let mark = Mark::new();
        let scripts = [
            plain_shell(&mark),
            print(&mark),
            print_status(&mark),
            become_command(&mark),
            run_command(&mark, &mark),
        ];
        for script in scripts {
            assert!(!script.contains(&mark.printed()), "{script}");
            assert!(script.len() < 1000, "{script}");
        }
        for shell in ["sh", "bash"] {
            assert_eq!(run(shell, &print(&mark)), format!("\n{}\n", mark.printed()));
        }
    }

    #[test]
    fn commands_of_any_length_and_kind_survive_their_pieces() {
        let command = format!(
            "printf '%s' 'it'\\''s $HOME \"x\" `y` é\n{}'; exit 7",
            "long ".repeat(4000)
        );
        let (begin, end) = (Mark::new(), Mark::new());
        for (shell, piece_len) in [("sh", 700), ("bash", 200)] {
            let mut lines = command_pieces(&command, piece_len);
            assert!(lines.iter().all(|line| line.len() < 1000));
            lines.push(run_command(&begin, &end));
            let expected = format!(
                "\n{}\nit's $HOME \"x\" `y` é\n{}\n{} 7\n",
                begin.printed(),
                "long ".repeat(4000),
                end.printed()
            );
            assert_eq!(run(shell, &lines.join("\n")), expected);
        }
    }
}
