//! What every route of the API has in common.
//!
//! Always so: what is asked goes over a real socket.

use millwright::server::ServerOptions;
use reqwest::Method;
use serde_json::json;

use crate::api_fixture::{Api, client};

#[tokio::test]
async fn health_is_open_and_all_else_wants_the_token() {
    let api = Api::start_with(|_| ServerOptions {
        token: Some("s3cret".into()),
        ..ServerOptions::default()
    })
    .await;
    let bare = |path: &str| client().get(format!("{}{path}", api.address));
    assert_eq!(
        api.send(bare("/health")).await.expect(200),
        json!({"status": "ok"})
    );
    for path in ["/metrics", "/openapi.json"] {
        let answer = api.send(bare(path)).await;
        assert_eq!(answer.expect(401), json!({"detail": "Unauthorized"}));
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(api.get(path).await.status, 200);
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_answer_in_json() {
    let api = Api::start().await;
    assert_eq!(
        api.get("/nope").await.expect(404),
        json!({"detail": "Not Found"})
    );
    let posted = api.post("/health", &json!({})).await;
    assert_eq!(posted.expect(405), json!({"detail": "Method Not Allowed"}));
}

#[tokio::test]
async fn a_request_keeps_its_id_or_gets_one() {
    let api = Api::start().await;
    let with_id = |id: &str| {
        api.request(Method::GET, "/health")
            .header("x-request-id", id)
    };
    assert_eq!(
        api.send(with_id("abc-1")).await.headers["x-request-id"],
        "abc-1"
    );
    assert_eq!(
        api.send(with_id("a b")).await.headers["x-request-id"].len(),
        36
    );
    assert_eq!(api.get("/health").await.headers["x-request-id"].len(), 36);
}

#[tokio::test]
async fn metrics_count_requests_by_route() {
    let api = Api::start().await;
    api.get("/health").await;
    let metrics = api.get("/metrics").await.text;
    assert!(
        metrics.contains(
            r#"millwright_http_requests_total{method="GET",route="/health",status="200"}"#
        ),
        "{metrics}"
    );
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let api = Api::start().await;
    let address = api.address.clone();
    api.get("/health").await.expect(200);
    let folder = api.stop().await;
    assert!(folder.path().join("test.db").exists());
    assert!(client().get(address).send().await.is_err());
}
