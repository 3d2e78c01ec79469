//! Whole characters out of bytes that arrive in pieces.
//!
//! Always so: the text has as many bytes as were taken; a byte that is no UTF-8 becomes `?`.

/// Takes every whole character from `bytes`, and leaves the beginning of one whose rest has not come.
pub(super) fn take_whole(bytes: &mut Vec<u8>) -> String {
    let mut taken = String::new();
    let mut at = 0;
    loop {
        match std::str::from_utf8(&bytes[at..]) {
            Ok(text) => {
                taken.push_str(text);
                bytes.clear();
                return taken;
            }
            Err(error) => {
                let valid = &bytes[at..at + error.valid_up_to()];
                taken.push_str(&String::from_utf8_lossy(valid));
                at += error.valid_up_to();
                let Some(bad) = error.error_len() else {
                    bytes.drain(..at);
                    return taken;
                };
                taken.extend(std::iter::repeat_n('?', bad));
                at += bad;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_in_pieces_come_out_whole(text in "(\\PC|[\u{e9}\u{2192}\u{1d11e}]){0,30}", size in 1_usize..7) {
            let (mut bytes, mut out) = (Vec::new(), String::new());
            for piece in text.as_bytes().chunks(size) {
                bytes.extend_from_slice(piece);
                out.push_str(&take_whole(&mut bytes));
            }
            prop_assert_eq!(out, text);
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn no_byte_is_lost(bytes: Vec<u8>) {
            let mut rest = bytes.clone();
            let taken = take_whole(&mut rest);
            prop_assert_eq!(taken.len() + rest.len(), bytes.len());
            prop_assert!(rest.len() < 4);
        }
    }
}
