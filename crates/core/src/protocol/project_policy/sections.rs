//! The sections of a Markdown text, by their headings.
//!
//! Always so: a line in a block of code is no heading, and letters' case does not count.

/// Which of these sections a text has not.
pub fn missing_sections<'s>(text: &str, wanted: &'s [String]) -> Vec<&'s str> {
    let there: Vec<String> = headings(text).map(str::to_lowercase).collect();
    let is_missing = |name: &&str| !there.contains(&name.to_lowercase());
    let wanted = wanted.iter().map(|name| name.trim());
    wanted.filter(is_missing).collect()
}

/// The text, and below it the headings of these sections.
pub fn with_sections(text: &str, missing: &[&str]) -> String {
    let mut whole = text.trim_end().to_owned();
    // A block of code that nobody closed would swallow what follows.
    if let Some(fence) = open_fence(text) {
        whole.push('\n');
        whole.push_str(fence);
    }
    for name in missing {
        if !whole.is_empty() {
            whole.push_str("\n\n");
        }
        whole.push_str("## ");
        whole.push_str(name);
    }
    whole.push('\n');
    whole
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    let mut fence = None;
    let outside = text.lines().filter(move |line| {
        let before = fence;
        fence = after(fence, line);
        before.is_none() && fence.is_none()
    });
    outside.filter_map(heading)
}

fn heading(line: &str) -> Option<&str> {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let marked = line.trim_start_matches(' ');
    let name = marked.trim_start_matches('#');
    let level = marked.len() - name.len();
    let is_heading = indent <= 3 && (1..=6).contains(&level) && name.starts_with([' ', '\t']);
    is_heading.then(|| name.trim().trim_end_matches('#').trim_end())
}

/// The fence of a block of code that does not end.
fn open_fence(text: &str) -> Option<&str> {
    text.lines().fold(None, after)
}

/// The fence that stands open after a line.
fn after<'t>(open: Option<&'t str>, line: &'t str) -> Option<&'t str> {
    let trimmed = line.trim_start();
    let mark = trimmed.chars().next().filter(|mark| "`~".contains(*mark));
    let length = mark.map_or(0, |mark| {
        trimmed.len() - trimmed.trim_start_matches(mark).len()
    });
    let fence = &trimmed[..length];
    match open {
        None if length >= 3 => Some(fence),
        Some(open)
            if length >= open.len() && fence.starts_with(open) && fence == trimmed.trim_end() =>
        {
            None
        }
        open => open,
    }
}
