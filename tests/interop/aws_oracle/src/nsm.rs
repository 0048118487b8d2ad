// SPDX-License-Identifier: Apache-2.0

//! The security module, with `aws-nitro-enclaves-nsm-api` (its messages and documents) and
//! `aws-nitro-enclaves-cose` (the signature around a document).

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use aws_nitro_enclaves_cose::crypto::Openssl;
use aws_nitro_enclaves_cose::CoseSign1;
use aws_nitro_enclaves_nsm_api::api::{AttestationDoc, Request, Response};
use openssl::x509::X509;

const LIMIT: Duration = Duration::from_secs(10);
const MAX_RESPONSE: usize = 0x3000;

/// Sends each request to the module behind a Unix socket, in AWS's encoding, and reads each
/// answer as AWS's driver does. A frame is a big-endian u32 length and a message.
pub fn exchange(socket: &str, requests: Vec<Request>) -> Result<Vec<Response>, String> {
    let mut stream = UnixStream::connect(socket).map_err(|e| e.to_string())?;
    stream
        .set_read_timeout(Some(LIMIT))
        .map_err(|e| e.to_string())?;
    requests
        .iter()
        .map(|request| exchange_one(&mut stream, request))
        .collect()
}

fn exchange_one(stream: &mut UnixStream, request: &Request) -> Result<Response, String> {
    let body = serde_cbor::to_vec(request).map_err(|e| e.to_string())?;
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&body);
    stream.write_all(&frame).map_err(|e| e.to_string())?;
    let mut head = [0u8; 4];
    stream.read_exact(&mut head).map_err(|e| e.to_string())?;
    let size = u32::from_be_bytes(head) as usize;
    if size > MAX_RESPONSE {
        return Err(format!("an answer of {size} bytes"));
    }
    let mut answer = vec![0u8; size];
    stream.read_exact(&mut answer).map_err(|e| e.to_string())?;
    serde_cbor::from_slice(&answer).map_err(|e| e.to_string())
}

/// The document within a COSE_Sign1 message that its own certificate signed. The chain is
/// not looked at: no library of AWS does.
pub fn read_document(message: &[u8]) -> Result<AttestationDoc, String> {
    let signed = CoseSign1::from_bytes(message).map_err(|e| e.to_string())?;
    let unverified = signed
        .get_payload::<Openssl>(None)
        .map_err(|e| e.to_string())?;
    let document = AttestationDoc::from_binary(&unverified).map_err(|e| format!("{e:?}"))?;
    let certificate = X509::from_der(&document.certificate).map_err(|e| e.to_string())?;
    let key = certificate.public_key().map_err(|e| e.to_string())?;
    match signed.verify_signature::<Openssl>(key.as_ref()) {
        Ok(true) => Ok(document),
        Ok(false) => Err("the signature does not verify".to_string()),
        Err(error) => Err(error.to_string()),
    }
}
