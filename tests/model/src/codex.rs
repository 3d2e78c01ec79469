//! How Codex is pointed at a played model.
//!
//! Always so: with these settings it asks nobody else.

/// The variable that Codex takes its key from.
pub const KEY_VARIABLE: &str = "STUB_API_KEY";

/// The text of `config.toml` in `CODEX_HOME`, for the model at `url`, which is asked again so many times.
pub fn settings_of_codex(url: &str, retries: u8) -> String {
    format!(
        "model_provider = 'stub'\ncheck_for_update_on_startup = false\n\
         [analytics]\nenabled = false\n[features]\nplugins = false\n\
         [model_providers.stub]\nname = 'stub'\nbase_url = '{url}/v1'\nwire_api = 'responses'\n\
         env_key = '{KEY_VARIABLE}'\nrequest_max_retries = {retries}\nstream_max_retries = {retries}\n"
    )
}
