#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one fuzz target for SECONDS on its seed corpus. New inputs stay out of the source
# tree; a crash leaves its input in build/fuzz-findings and fails.
set -euo pipefail
target=$1 seconds=$2
name=$(basename "$target" _fuzz)
here=$(cd "$(dirname "$0")" && pwd)
work="$here/../build/fuzz-corpus/$name"
found="$here/../build/fuzz-findings"
mkdir -p "$work" "$found"
seeds=()
[ -d "$here/corpus/$name" ] && seeds+=("$here/corpus/$name")
exec "$target" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=1024 -timeout=10 \
  -print_final_stats=1 -verbosity=0 -artifact_prefix="$found/$name-" "$work" "${seeds[@]}"
