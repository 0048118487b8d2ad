#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole story, with the programs as they ship. usage: demo_test.sh PATH_OF_COFFERDAM
# Every line must come out, and the secret must be in none of the text.
set -euo pipefail
program=$1
if [ ! -x "$program" ]; then
  echo "skipped: $program is not built (make demo builds it)"
  exit 77
fi
output=$("$program" demo) || { echo "$output"; exit 1; }
echo "$output"
for expected in "the agent validated itself" "KMS released the secret to it" \
  "the workload proves that it has the secret" "it no longer verifies" "debug_mode" "release_too_old" \
  "binding_mismatch" "document_reused" "tls_untrusted" "claims held"; do
  grep -qF -- "$expected" <<<"$output" || { echo "missing: $expected"; exit 1; }
done
if grep -q "FAIL" <<<"$output"; then exit 1; fi
