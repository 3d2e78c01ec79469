//! Patterns of files' names.
//!
//! Always so: looking takes time by the product of both lengths at the most, whatever the pattern.

/// Whether a file's name is one that a pattern means: `*` is any text, `?` any character, `[ab0-9]` one of these and
/// `[!ab]` none of them.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Where the last `*` is, and how much of the name it takes.
    let (mut at, mut here, mut star) = (0, 0, None);
    while here < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, here));
            at += 1;
        } else if let Some(length) = one(&pattern[at..], name[here]) {
            (at, here) = (at + length, here + 1);
        } else if let Some((after, taken)) = star {
            star = Some((after, taken + 1));
            (at, here) = (after, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// How much of a pattern takes one character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match pattern.iter().skip(2).position(|c| *c == ']') {
            Some(end) => among(&pattern[1..end + 2], c).then_some(end + 3),
            None => (c == '[').then_some(1),
        },
        own => (*own == c).then_some(1),
    }
}

fn among(class: &[char], c: char) -> bool {
    let (negated, mut class) = match class {
        ['!' | '^', rest @ ..] if !rest.is_empty() => (true, rest),
        own => (false, own),
    };
    let mut found = false;
    while let [first, rest @ ..] = class {
        class = if let ['-', last, after @ ..] = rest {
            found |= (*first..=*last).contains(&c);
            after
        } else {
            found |= *first == c;
            rest
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_names() {
        for (pattern, name, expected) in [
            ("*.md", "a.md", true),
            ("*.md", ".md", true),
            ("*.md", "a.md.bak", false),
            ("product-brief-*.md", "product-brief-2025-12-11.md", true),
            ("file?.txt", "file1.txt", true),
            ("file?.txt", "file10.txt", false),
            ("[ab]*", "bx", true),
            ("[a-c0-9].md", "7.md", true),
            ("[!a-c].md", "b.md", false),
            ("[].md", "[].md", true),
            ("[", "[", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbY", false),
            ("**", "", true),
            ("ä*", "äö", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        let hard = format!("{}b", "*a".repeat(40));
        assert!(!matches(&hard, &"a".repeat(4000)));
    }
}
