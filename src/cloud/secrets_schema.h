// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cofferdam::cloud {

// The tables of Secrets Manager: version 3 of the database (store.cc). A version without
// `sealed` is one that RotateSecret announced and nobody has given a value yet.
inline constexpr const char* kSecretsSchema = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE sm_secrets (
  arn TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
  description TEXT NOT NULL, kms_key TEXT NOT NULL, policy TEXT NOT NULL,
  changed INTEGER NOT NULL, accessed INTEGER NOT NULL, deletion INTEGER NOT NULL,
  rotation INTEGER NOT NULL, lambda TEXT NOT NULL, after_days INTEGER NOT NULL,
  schedule TEXT NOT NULL, duration TEXT NOT NULL, rotated INTEGER NOT NULL,
  next_rotation INTEGER NOT NULL, UNIQUE (account, name)) WITHOUT ROWID;
CREATE INDEX sm_secrets_by_creation ON sm_secrets (account, created, arn);
CREATE INDEX sm_secrets_by_deletion ON sm_secrets (deletion) WHERE deletion > 0;
CREATE TABLE sm_versions (
  secret TEXT NOT NULL REFERENCES sm_secrets (arn), id TEXT NOT NULL, serial INTEGER NOT NULL,
  created INTEGER NOT NULL, accessed INTEGER NOT NULL, is_binary INTEGER NOT NULL,
  sealed BLOB NOT NULL, PRIMARY KEY (secret, id)) WITHOUT ROWID;
CREATE TABLE sm_labels (
  secret TEXT NOT NULL, label TEXT NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY (secret, label),
  FOREIGN KEY (secret, version) REFERENCES sm_versions (secret, id)) WITHOUT ROWID;
CREATE TABLE sm_data_keys (
  secret TEXT NOT NULL, version TEXT NOT NULL, position INTEGER NOT NULL,
  kms_key TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (secret, version, position),
  FOREIGN KEY (secret, version) REFERENCES sm_versions (secret, id)) WITHOUT ROWID;
CREATE TABLE sm_tags (
  secret TEXT NOT NULL REFERENCES sm_secrets (arn), name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (secret, name)) WITHOUT ROWID;
PRAGMA user_version = 3;
COMMIT;
)sql";

}  // namespace cofferdam::cloud
