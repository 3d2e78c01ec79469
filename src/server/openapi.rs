//! `GET /openapi.json`: the API's description, made from the handlers.
//!
//! Always so: the committed copy, `schemas/openapi.json`, is this text.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement,
};

use super::router;

const SCHEME: &str = "bearer";

/// The description as JSON, with a newline at its end.
///
/// # Panics
/// Never: the description is plain data.
pub fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let (_, description) = router::routes();
        let json = description
            .to_pretty_json()
            .expect("plain data becomes JSON");
        json + "\n"
    })
}

/// What the description holds besides the routes.
pub(super) fn base() -> OpenApi {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "TASKSGODZILLA_API_TOKEN; not asked for where the server has none.",
        ));
    let components = ComponentsBuilder::new()
        .security_scheme(SCHEME, SecurityScheme::Http(scheme.build()))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("millwright")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Runs, their logs, results and references; projects, protocols and steps.",
                ))
                .build(),
        )
        .components(Some(components))
        .security(Some([SecurityRequirement::new(SCHEME, [""; 0])]))
        .build()
}

/// The API's description.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses(
    (status = 200, description = "This document", body = Object, content_type = "application/json"),
))]
pub(super) async fn show_openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}
