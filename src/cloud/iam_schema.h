// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cofferdam::cloud {

// The tables of IAM: version 4 of the database (store.cc). Identities are users and roles;
// names are compared without regard to case (`folded`), as IAM does. The principals of
// earlier versions become a user with its access key and a role with its session; what is
// sealed keeps its kind and its row id.
inline constexpr const char* kIamSchema = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE iam_identities (
  id TEXT PRIMARY KEY, kind INTEGER NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL,
  folded TEXT NOT NULL, path TEXT NOT NULL, created INTEGER NOT NULL, boundary TEXT NOT NULL,
  tags TEXT NOT NULL, description TEXT NOT NULL, trust TEXT NOT NULL,
  max_session INTEGER NOT NULL, UNIQUE (kind, account, folded)) WITHOUT ROWID;
CREATE TABLE iam_inline_policies (
  identity TEXT NOT NULL REFERENCES iam_identities (id), name TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (identity, name)) WITHOUT ROWID;
CREATE TABLE iam_attachments (
  identity TEXT NOT NULL REFERENCES iam_identities (id), policy TEXT NOT NULL,
  PRIMARY KEY (identity, policy)) WITHOUT ROWID;
CREATE INDEX iam_attachments_by_policy ON iam_attachments (policy);
CREATE TABLE iam_access_keys (
  id TEXT PRIMARY KEY, identity TEXT NOT NULL REFERENCES iam_identities (id),
  active INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL,
  used_service TEXT NOT NULL, used_region TEXT NOT NULL, secret BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX iam_access_keys_of_user ON iam_access_keys (identity, id);
CREATE TABLE iam_fixed_sessions (
  access_key TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,
  secret BLOB NOT NULL, token BLOB NOT NULL, UNIQUE (role, name)) WITHOUT ROWID;
CREATE TABLE iam_policies (
  arn TEXT PRIMARY KEY, id TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL,
  folded TEXT NOT NULL, path TEXT NOT NULL, description TEXT NOT NULL, tags TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, current INTEGER NOT NULL,
  next INTEGER NOT NULL, UNIQUE (account, folded)) WITHOUT ROWID;
CREATE TABLE iam_policy_versions (
  policy TEXT NOT NULL REFERENCES iam_policies (arn), version INTEGER NOT NULL,
  created INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (policy, version)) WITHOUT ROWID;
CREATE TABLE iam_oidc_providers (
  arn TEXT PRIMARY KEY, account TEXT NOT NULL, url TEXT NOT NULL, created INTEGER NOT NULL,
  clients TEXT NOT NULL, thumbprints TEXT NOT NULL, tags TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE iam_organizations (account TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE iam_control_policies (
  account TEXT NOT NULL, level INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY (account, level, position)) WITHOUT ROWID;
INSERT INTO iam_identities
  SELECT user_id, 0, account, substr(arn, instr(arn, ':user/') + 6),
         lower(substr(arn, instr(arn, ':user/') + 6)), '/', unixepoch() * 1000, '', '{}', '', '', 0
  FROM principals WHERE role_arn = '';
INSERT INTO iam_identities
  SELECT substr(user_id, 1, instr(user_id, ':') - 1), 1, account,
         substr(role_arn, instr(role_arn, ':role/') + 6),
         lower(substr(role_arn, instr(role_arn, ':role/') + 6)), '/', unixepoch() * 1000, '', '{}',
         '', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",' ||
         '"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}', 3600
  FROM principals WHERE role_arn != '';
INSERT INTO iam_inline_policies
  SELECT CASE role_arn WHEN '' THEN user_id ELSE substr(user_id, 1, instr(user_id, ':') - 1) END,
         'inline-' || (key + 1), json_each.value
  FROM principals, json_each(principals.policies);
INSERT INTO iam_access_keys
  SELECT access_key_id, user_id, 1, unixepoch() * 1000, 0, '', '', secret
  FROM principals WHERE role_arn = '';
INSERT INTO iam_fixed_sessions
  SELECT access_key_id, substr(user_id, 1, instr(user_id, ':') - 1),
         substr(user_id, instr(user_id, ':') + 1), secret, token
  FROM principals WHERE role_arn != '';
DROP TABLE principals;
PRAGMA user_version = 4;
COMMIT;
)sql";

}  // namespace cofferdam::cloud
