//! Waiting for what happens elsewhere.
//!
//! Always so: a wait has an end, and says for what it waited in vain.

use std::time::Duration;

/// How long there is to wait, and how long between two looks.
pub(crate) struct Patience {
    pub(crate) whole: Duration,
    pub(crate) pause: Duration,
}

impl Patience {
    /// Looks again and again until there is something to see.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(seen) = look().await {
                    return seen;
                }
                tokio::time::sleep(self.pause).await;
            }
        };
        let seen = tokio::time::timeout(self.whole, wait).await;
        seen.unwrap_or_else(|_| panic!("waited in vain until {what}"))
    }
}
