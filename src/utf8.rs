//! Whole characters out of bytes that arrive in pieces.
//!
//! Always so: a character is handed out once its last byte has come, and no byte is passed over in silence.

/// Takes every whole character from `bytes`, and leaves the beginning of one whose rest has not come. Where bytes are no
/// character, `instead` is told how many, and gives what stands for them.
pub(crate) fn take_whole(bytes: &mut Vec<u8>, mut instead: impl FnMut(usize) -> String) -> String {
    let all = std::mem::take(bytes);
    let mut text = String::with_capacity(all.len());
    let mut chunks = all.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let rest = chunk.invalid();
        if chunks.peek().is_none() && may_go_on(rest) {
            bytes.extend_from_slice(rest);
        } else if !rest.is_empty() {
            text.push_str(&instead(rest.len()));
        }
    }
    text
}

/// Whether bytes are the beginning of a character.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question_marks(bad: usize) -> String {
        "?".repeat(bad)
    }

    proptest! {
        #[test]
        fn texts_in_pieces_come_out_whole(text in "(\\PC|[\u{e9}\u{2192}\u{1d11e}]){0,30}", size in 1_usize..7) {
            let (mut bytes, mut out) = (Vec::new(), String::new());
            for piece in text.as_bytes().chunks(size) {
                bytes.extend_from_slice(piece);
                out.push_str(&take_whole(&mut bytes, question_marks));
            }
            prop_assert_eq!(out, text);
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn no_byte_is_lost(bytes: Vec<u8>) {
            let mut rest = bytes.clone();
            let taken = take_whole(&mut rest, question_marks);
            prop_assert_eq!(taken.len() + rest.len(), bytes.len());
            prop_assert!(rest.len() < 4);
        }
    }
}
