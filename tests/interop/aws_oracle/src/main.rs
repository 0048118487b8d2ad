// SPDX-License-Identifier: Apache-2.0

//! AWS's own libraries, asked from the command line. Input and output are JSON.
//!
//!     aws-oracle eif describe IMAGE               what AWS's code reads in an image
//!     aws-oracle eif build < SPEC                 writes an image; its measurements
//!     aws-oracle eif sign IMAGE CERT KEY          signs an image in place
//!     aws-oracle nsm exchange SOCKET < REQUESTS   the answers of a security module
//!     aws-oracle nsm document FILE                a document, if its certificate signed it
//!     aws-oracle kms round-trip KEY               encrypts with a key and decrypts again
//!
//! Exit status: 0 done, 1 AWS's code refused, 101 it panicked (it does on some bad images).

mod eif;
mod kms;
mod nsm;

use std::process::ExitCode;
use std::{env, fs, io};

use serde::de::DeserializeOwned;
use serde::Serialize;

fn to_json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|e| e.to_string())
}

fn from_stdin<T: DeserializeOwned>() -> Result<T, String> {
    serde_json::from_reader(io::stdin()).map_err(|e| e.to_string())
}

fn run(arguments: &[&str]) -> Result<String, String> {
    match arguments {
        ["eif", "describe", image] => to_json(&eif::describe(image)?),
        ["eif", "build"] => to_json(&eif::build(from_stdin()?)?),
        ["eif", "sign", image, certificate, key] => to_json(&eif::sign(image, certificate, key)?),
        ["nsm", "exchange", socket] => to_json(&nsm::exchange(socket, from_stdin()?)?),
        ["nsm", "document", file] => {
            let message = fs::read(file).map_err(|e| e.to_string())?;
            to_json(&nsm::read_document(&message)?)
        }
        ["kms", "round-trip", key] => to_json(&kms::round_trip(key)?),
        _ => Err("see the head of src/main.rs for the commands".to_string()),
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
            eprintln!("aws-oracle: {error}");
            ExitCode::FAILURE
        }
    }
}
