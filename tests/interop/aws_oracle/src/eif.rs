// SPDX-License-Identifier: Apache-2.0

//! Enclave images, with `aws-nitro-enclaves-image-format`: what nitro-cli is made of.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use aws_nitro_enclaves_image_format::defs::{EifIdentityInfo, EIF_HDR_ARCH_ARM64};
use aws_nitro_enclaves_image_format::utils::eif_reader::EifReader;
use aws_nitro_enclaves_image_format::utils::{
    EifBuilder, EifSigner, PcrSignatureChecker, SignKeyData,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha384};

pub type Measurements = BTreeMap<String, String>;

/// What `run-enclave` and `describe-eif` look at. The former makes the first check of a
/// signature; only the latter compares the signed payload with the measured PCR0.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    measurements: Measurements,
    #[serde(rename = "CheckCRC")]
    check_crc: bool,
    is_signed: bool,
    signature_verifies: Option<bool>,
    payload_is_pcr0: Option<bool>,
    metadata: Option<EifIdentityInfo>,
}

/// What an image is to be made of.
#[derive(Deserialize)]
pub struct Spec {
    kernel: PathBuf,
    cmdline: String,
    ramdisks: Vec<PathBuf>,
    metadata: EifIdentityInfo,
    output: PathBuf,
    arm64: bool,
    certificate: Option<PathBuf>,
    key: Option<String>,
}

pub fn describe(path: &str) -> Result<Description, String> {
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

pub fn build(spec: Spec) -> Result<Measurements, String> {
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

/// Signs in place, as `nitro-cli sign-eif` does.
pub fn sign(image: &str, certificate: &str, key: &str) -> Result<(), String> {
    let sign_key = SignKeyData::new(key, Path::new(certificate))?;
    let signer = EifSigner::new(Some(sign_key)).ok_or("no signer for this key")?;
    signer.sign_image(image)
}
