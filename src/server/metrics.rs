//! `GET /metrics`: the server's figures, for Prometheus.
//!
//! Always so: one recorder serves the whole process, however many servers it runs.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

const BUCKETS: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0,
];
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The server's figures.
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, description = "Prometheus text", body = String, content_type = "text/plain"),
))]
pub(super) async fn show_metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], recorder().render())
}

/// The process's recorder, installed on first use. What it measured takes room until it is folded together by
/// `run_upkeep`.
pub(super) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let recorder = builder.expect("the buckets are not empty").build_recorder();
        let handle = recorder.handle();
        // Where a program that embeds this one has a recorder of its own, that one takes the figures.
        drop(metrics::set_global_recorder(recorder));
        handle
    })
}
