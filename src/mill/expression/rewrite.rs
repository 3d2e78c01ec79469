//! From an expression to the body of an asynchronous function.
//!
//! Always so: only the text is looked at, as Windmill does; `results.x` inside a string is rewritten too.

/// The source of a function call that yields the expression's value.
pub(super) fn function_of(expression: &str) -> String {
    let calls = ["variable(", "resource("].iter();
    let expression = &calls.fold(expression.to_owned(), |text, call| {
        with_awaited_calls(&text, call)
    });
    let awaited = with_awaits(expression);
    if is_statements(expression) {
        format!("(async function () {{ {awaited}\n}})()")
    } else {
        format!("(async function () {{ return {awaited}\n}})()")
    }
}

/// Puts `(await …)` around each call, as far as its brackets go.
fn with_awaited_calls(expression: &str, call: &str) -> String {
    let mut parts = expression.split(call);
    let mut rewritten = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = call_length(part);
        let (arguments, rest) = part.split_at(end);
        rewritten.push_str("(await ");
        rewritten.push_str(call);
        rewritten.push_str(arguments);
        rewritten.push(')');
        rewritten.push_str(rest);
    }
    rewritten
}

/// How long a call's arguments are, with the bracket that closes them.
fn call_length(text: &str) -> usize {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// Puts `(await …)` around each `results.x`, `results["x"]`, `results?.x`.
fn with_awaits(expression: &str) -> String {
    let mut rewritten = String::with_capacity(expression.len() + 16);
    let mut rest = expression;
    while let Some(at) = rest.find("results") {
        let (before, from) = rest.split_at(at);
        rewritten.push_str(before);
        let length = "results".len();
        let reference = reference_length(&from[length..]).map(|more| length + more);
        let (reference, after) = from.split_at(reference.unwrap_or(length));
        if reference.len() > length {
            rewritten.push_str("(await ");
            rewritten.push_str(reference);
            rewritten.push(')');
        } else {
            rewritten.push_str(reference);
        }
        rest = after;
    }
    rewritten.push_str(rest);
    rewritten
}

/// How long `.x`, `?.x` or `["x"]` is at the beginning of a text.
fn reference_length(text: &str) -> Option<usize> {
    let question = usize::from(text.starts_with('?'));
    let text = &text[question..];
    if let Some(name) = text.strip_prefix('.') {
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(name.len());
        return (end > 0).then_some(question + 1 + end);
    }
    let end = text.strip_prefix("[\"")?.lines().next()?.find("\"]")?;
    Some(question + 2 + end + 2)
}

const STATEMENT_STARTS: &[&str] = &[
    "return ",
    "return;",
    "const ",
    "let ",
    "var ",
    "if ",
    "if(",
    "for ",
    "for(",
    "while ",
    "while(",
    "switch ",
    "switch(",
    "try ",
    "try{",
    "throw ",
    "function ",
    "class ",
    "async ",
    "await ",
];

/// Whether a text is statements, which need their own `return`, or one expression.
fn is_statements(text: &str) -> bool {
    let text = text.trim();
    text == "return"
        || STATEMENT_STARTS.iter().any(|start| text.starts_with(start))
        || has_bare_semicolon(text)
}

/// Whether there is a semicolon outside of strings.
fn has_bare_semicolon(text: &str) -> bool {
    let mut quote = None;
    let mut before = '\0';
    for c in text.chars() {
        match (quote, c) {
            (None, ';') => return true,
            (None, '\'' | '"' | '`') if before != '\\' => quote = Some(c),
            (Some(open), _) if c == open && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_awaited() {
        assert_eq!(
            with_awaits("results.a.b + results[\"c d\"].e + results?.f + results"),
            "(await results.a).b + (await results[\"c d\"]).e + (await results?.f) + results"
        );
    }

    #[test]
    fn calls_for_values_are_awaited() {
        assert_eq!(
            with_awaited_calls("variable(f('x')).y + variable('z')", "variable("),
            "(await variable(f('x'))).y + (await variable('z'))"
        );
    }

    #[test]
    fn statements_need_their_own_return() {
        assert!(is_statements("const x = 1; return x"));
        assert!(is_statements("flow_input.x;"));
        assert!(!is_statements("\"a;b\" + `;`"));
        assert!(!is_statements("returned"));
    }
}
