//! The APIs of GitHub and GitLab, as far as pull requests need them.
//!
//! Always so: the token goes into the `Authorization` header and nowhere else.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answered, detail, found, list};
use super::forge::{Forge, Kind, encoded};
use super::opened::{Draft, Found};
use crate::client::BaseUrl;
use crate::host::{Host, Method, Request, Response, Secret};

/// One call gets this long.
const LIMIT: Duration = Duration::from_secs(30);

/// A caller of a forge's API.
pub(super) struct Rest<'a, H> {
    pub(super) forge: &'a Forge,
    pub(super) api: &'a BaseUrl,
    pub(super) host: &'a H,
    /// Where the token is from.
    pub(super) variable: &'a str,
    pub(super) token: &'a Secret,
}

impl<H: Host> Rest<'_, H> {
    /// The request of the branch that is open.
    ///
    /// # Errors
    /// Why the forge does not say.
    pub(super) async fn find(&self, draft: &Draft) -> Result<Option<Found>, String> {
        let (branch, base) = (encoded(&draft.branch, ""), encoded(&draft.base, ""));
        let path = match self.forge.kind {
            Kind::GitHub => {
                let owner = self.forge.path.split('/').next().unwrap_or_default();
                let owner = encoded(owner, "");
                format!(
                    "{}?state=open&head={owner}:{branch}&base={base}",
                    self.path()
                )
            }
            Kind::GitLab => format!(
                "{}?state=opened&source_branch={branch}&target_branch={base}",
                self.path()
            ),
        };
        let answer = self.call(Method::Get, &path, None).await?;
        list(self.forge.kind, &answer).map_err(|problem| self.said(&problem))
    }

    /// Opens one.
    ///
    /// # Errors
    /// Why the forge does not.
    pub(super) async fn create(&self, draft: &Draft) -> Result<Found, String> {
        let body = match self.forge.kind {
            Kind::GitHub => json!({
                "title": draft.title, "body": draft.text, "head": draft.branch, "base": draft.base,
                "draft": draft.unfinished,
            }),
            Kind::GitLab => json!({
                "title": titled(draft), "description": draft.text, "source_branch": draft.branch,
                "target_branch": draft.base,
            }),
        };
        let answer = self
            .call(Method::Post, &self.path(), Some(body.to_string()))
            .await?;
        found(self.forge.kind, &answer).map_err(|problem| self.said(&problem))
    }

    fn path(&self) -> String {
        let path = &self.forge.path;
        match self.forge.kind {
            Kind::GitHub => format!("/repos/{path}/pulls"),
            Kind::GitLab => format!("/projects/{}/merge_requests", encoded(path, "")),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Value, String> {
        let request = Request {
            method,
            url: self.api.join(path),
            token: Some(self.token.clone()),
            body,
            media_type: "application/json",
        };
        let answer = self.host.send(&request, LIMIT).await;
        let answer = answer.map_err(|error| self.said(&error.to_string()))?;
        self.checked(&answer)
    }

    fn checked(&self, answer: &Response) -> Result<Value, String> {
        let status = answer.status;
        let said = detail(&answer.body);
        let problem = match Answered::of(status) {
            Answered::Well => {
                return serde_json::from_str(&answer.body)
                    .map_err(|_| self.said(&format!("it answered {status} with no JSON")));
            }
            Answered::Unauthorised => {
                format!(
                    "it does not take the token in {} ({status}): {said}",
                    self.variable
                )
            }
            Answered::Forbidden => format!(
                "it answered {status}: {said}; the token in {} may lack the right to read and open pull requests of {}",
                self.variable, self.forge.path
            ),
            Answered::Elsewhere => {
                let to = answer.location.as_deref().unwrap_or("elsewhere");
                let to = to.split(['?', '#']).next().unwrap_or_default();
                format!("it redirects to {to} ({status}): is the repository's address right?")
            }
            Answered::Otherwise => format!("it answered {status}: {said}"),
        };
        Err(self.said(&problem))
    }

    fn said(&self, problem: &str) -> String {
        let text = format!("{} at {}: {problem}", self.forge.name(), self.api.shown());
        self.token.strike_from(&text)
    }
}

/// GitLab knows drafts by their titles.
pub(super) fn titled(draft: &Draft) -> String {
    if draft.unfinished {
        format!("Draft: {}", draft.title)
    } else {
        draft.title.clone()
    }
}
