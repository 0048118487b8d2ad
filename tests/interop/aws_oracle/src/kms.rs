// SPDX-License-Identifier: Apache-2.0

//! KMS, with AWS's SDK for Rust. Endpoint, region, credentials and roots come from the
//! environment (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, ..., SSL_CERT_FILE).

use aws_config::BehaviorVersion;
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::Client;
use serde::Serialize;
use tokio::runtime::Runtime;

const PLAINTEXT: &[u8] = b"through the SDK for Rust";
const CONTEXT: (&str, &str) = ("sdk", "rust, with a space and an \u{e9}");

#[derive(Serialize)]
pub struct RoundTrip {
    key_id: Option<String>,
    is_same: bool,
}

/// The code of AWS's error, or what went wrong on the way there.
fn text_of<E, R>(error: SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error().and_then(|e| e.code()) {
        Some(code) => code.to_string(),
        None => DisplayErrorContext(&error).to_string(),
    }
}

async fn encrypt_and_decrypt(key: &str) -> Result<RoundTrip, String> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let kms = Client::new(&config);
    let sealed = kms
        .encrypt()
        .key_id(key)
        .plaintext(Blob::new(PLAINTEXT))
        .encryption_context(CONTEXT.0, CONTEXT.1)
        .send()
        .await
        .map_err(text_of)?;
    let opened = kms
        .decrypt()
        .set_ciphertext_blob(sealed.ciphertext_blob)
        .encryption_context(CONTEXT.0, CONTEXT.1)
        .send()
        .await
        .map_err(text_of)?;
    Ok(RoundTrip {
        key_id: opened.key_id,
        is_same: opened.plaintext.is_some_and(|p| p.as_ref() == PLAINTEXT),
    })
}

pub fn round_trip(key: &str) -> Result<RoundTrip, String> {
    let runtime = Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(encrypt_and_decrypt(key))
}
