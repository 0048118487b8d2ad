// SPDX-License-Identifier: Apache-2.0

//! Reads, builds and signs enclave images with AWS's own library and says what it found.
//!
//!     eif-oracle describe IMAGE        JSON: what AWS's code reads in the image
//!     eif-oracle build < SPEC.json     writes an image; JSON: its measurements
//!     eif-oracle sign IMAGE CERT KEY   signs an image in place, as nitro-cli does
//!
//! Exit status: 0 done, 1 AWS's code refused, 101 it panicked (it does on some bad images).

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aws_nitro_enclaves_image_format::defs::{EifIdentityInfo, EIF_HDR_ARCH_ARM64};
use aws_nitro_enclaves_image_format::utils::eif_reader::EifReader;
use aws_nitro_enclaves_image_format::utils::{
    EifBuilder, EifSigner, PcrSignatureChecker, SignKeyData,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha384};

type Measurements = BTreeMap<String, String>;

/// What `describe` prints. `run-enclave` makes the first check of a signature, `describe-eif`
/// the second; only the second compares the signed payload with the measured PCR0.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    measurements: Measurements,
    #[serde(rename = "CheckCRC")]
    check_crc: bool,
    is_signed: bool,
    signature_verifies: Option<bool>,
    payload_is_pcr0: Option<bool>,
    metadata: Option<EifIdentityInfo>,
}

/// What `build` reads from standard input.
#[derive(Deserialize)]
struct Spec {
    kernel: PathBuf,
    cmdline: String,
    ramdisks: Vec<PathBuf>,
    metadata: EifIdentityInfo,
    output: PathBuf,
    #[serde(default)]
    arm64: bool,
    certificate: Option<PathBuf>,
    key: Option<String>,
}

fn describe(path: &str) -> Result<Description, String> {
    let mut reader = EifReader::from_eif(path.to_string())?;
    let measurements = reader.get_measurements()?;
    let is_signed = reader.signature_section.is_some();
    let mut signature_verifies = None;
    if is_signed {
        signature_verifies = Some(PcrSignatureChecker::from_eif(path)?.verify().is_ok());
        // Fails when the signature does not verify; sign_check then stays empty.
        let _ = reader.get_certificate_info(measurements.clone());
    }
    Ok(Description {
        measurements,
        check_crc: reader.check_crc(),
        is_signed,
        signature_verifies,
        payload_is_pcr0: reader.sign_check,
        metadata: reader.get_metadata(),
    })
}

fn build(spec: Spec) -> Result<Measurements, String> {
    let sign_key = match (&spec.key, &spec.certificate) {
        (Some(key), Some(certificate)) => Some(SignKeyData::new(key, certificate)?),
        (None, None) => None,
        _ => return Err("a certificate and a key go together".to_string()),
    };
    let flags = if spec.arm64 { EIF_HDR_ARCH_ARM64 } else { 0 };
    let mut builder = EifBuilder::new(
        &spec.kernel,
        spec.cmdline,
        sign_key,
        Sha384::new(),
        flags,
        spec.metadata,
    );
    for ramdisk in &spec.ramdisks {
        builder.add_ramdisk(ramdisk);
    }
    let mut output = File::create(&spec.output).map_err(|e| e.to_string())?;
    Ok(builder.write_to(&mut output))
}

fn sign(image: &str, certificate: &str, key: &str) -> Result<(), String> {
    let sign_key = SignKeyData::new(key, Path::new(certificate))?;
    let signer = EifSigner::new(Some(sign_key)).ok_or("no signer for this key")?;
    signer.sign_image(image)
}

fn to_json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|e| e.to_string())
}

fn run(arguments: &[&str]) -> Result<String, String> {
    match arguments {
        ["describe", image] => to_json(&describe(image)?),
        ["build"] => {
            let spec = serde_json::from_reader(io::stdin()).map_err(|e| e.to_string())?;
            to_json(&build(spec)?)
        }
        ["sign", image, certificate, key] => {
            sign(image, certificate, key).and_then(|()| to_json(&serde_json::json!({})))
        }
        _ => Err("usage: eif-oracle describe IMAGE | build | sign IMAGE CERT KEY".to_string()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(output) => {
            println!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("eif-oracle: {error}");
            ExitCode::FAILURE
        }
    }
}
