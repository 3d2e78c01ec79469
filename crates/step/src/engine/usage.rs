//! What an engine says it spent.
//!
//! Always so: these are the engine's own figures; nothing is estimated here.

use millwright_core::protocol::{Telemetry, Tokens};

/// Tokens and money, as the engine counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Tokens that went in, those from a cache among them.
    pub input_tokens: u64,
    /// Those of them that came from a cache.
    pub cached_input_tokens: u64,
    /// Tokens that came out, those of reasoning among them.
    pub output_tokens: u64,
    /// Those of them that were spent on reasoning.
    pub reasoning_tokens: u64,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Puts the figures on record.
    pub fn note_in(&self, telemetry: &mut Telemetry) {
        telemetry.tokens = Some(Tokens {
            input: self.input_tokens,
            cached_input: self.cached_input_tokens,
            output: self.output_tokens,
            reasoning: self.reasoning_tokens,
        });
        telemetry.cost_cents = self.cost_usd.map(|dollars| dollars * 100.0);
    }
}
