//! What the environment says about webhooks.
//!
//! Always so: the token is not printed, and without one no delivery is taken.

use std::fmt;

use axum::http::StatusCode;

use crate::server::error::ApiError;

/// Holds the token.
const TOKEN: &str = "TASKSGODZILLA_WEBHOOK_TOKEN";

/// How deliveries of forges are taken.
#[derive(Clone, Default)]
pub struct WebhookOptions {
    token: Option<String>,
    /// Whether steps that wait for their check get it when the CI of their branch has passed.
    pub(super) auto_qa: bool,
}

impl WebhookOptions {
    /// Reads the variables; an empty one counts as absent.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let auto_qa = variable("TASKSGODZILLA_AUTO_QA_ON_CI").unwrap_or_default();
        let on = ["1", "true", "yes", "on"];
        Self {
            token: variable(TOKEN).filter(|token| !token.is_empty()),
            auto_qa: on.contains(&auto_qa.trim().to_ascii_lowercase().as_str()),
        }
    }

    /// The token that a delivery has to prove.
    pub(super) fn token(&self) -> Result<&str, ApiError> {
        let missing = || {
            let detail = format!("no webhooks are taken: set {TOKEN} to the webhook's secret");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        };
        self.token.as_deref().ok_or_else(missing)
    }
}

impl fmt::Debug for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookOptions")
            .field("has_token", &self.token.is_some())
            .field("auto_qa", &self.auto_qa)
            .finish()
    }
}
