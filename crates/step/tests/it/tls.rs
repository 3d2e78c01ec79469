//! An API behind `https`, with an authority that nobody knows.
//!
//! Always so: the certificate is made anew for each run.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::step::{Step, TOKEN, text};

/// Starts an API that says 418 to everything; gives its address and its certificate.
fn secure_api() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // A caller that does not trust the certificate hangs up.
            let _ = answer(StreamOwned::new(connection, stream));
        }
    });
    (url, made.cert.pem())
}

fn answer(stream: impl Read + Write) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(
        stream.get_mut(),
        "HTTP/1.1 418 X\r\ncontent-length: 14\r\n\r\n{{\"detail\":\"t\"}}"
    )
}

fn emit(url: &str) -> Step {
    let step = Step::new(["emit_tasksgodzilla_codex_refs"]).in_a_job();
    step.env("TASKSGODZILLA_API_URL", url)
        .env("TASKSGODZILLA_API_TOKEN", TOKEN)
}

#[test]
fn an_api_with_its_own_authority_is_reached_when_the_authority_is_named() {
    let (url, certificate) = secure_api();
    let ended = emit(&url).env("SSL_CERT_FILE", "").run().exits(3);
    assert!(
        ended
            .stderr
            .contains("invalid peer certificate: UnknownIssuer"),
        "{}",
        ended.stderr
    );

    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let step = emit(&url);
        let folder = step.folder().join("authorities");
        let file = folder.join("authority.pem");
        fs::create_dir(&folder).unwrap();
        fs::write(&file, &certificate).unwrap();
        let place = if variable == "SSL_CERT_FILE" {
            &file
        } else {
            &folder
        };
        let said = step.env(variable, text(place)).run().exits(3).stderr;
        assert!(said.contains("the API answered 418: t"), "{said}");
    }
}

#[test]
fn a_file_without_certificates_is_named() {
    for (file, problem) in [
        ("/dev/null", "no PEM certificate to trust"),
        ("/nowhere/at/all", "No such file"),
    ] {
        let ended = emit("https://localhost:1")
            .env("SSL_CERT_FILE", file)
            .run()
            .exits(3);
        assert!(
            ended.stderr.contains(problem) && ended.stderr.contains(file),
            "{}",
            ended.stderr
        );
    }
}
