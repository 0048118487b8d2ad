// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

// The C interface of the static library cofferdam_rego: regorus within limits. Texts are UTF-8 with
// an explicit size; what is handed over is only read during the call. Nothing unwinds out of it.
// Every function may be called from any thread at any time.

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CofferdamRego CofferdamRego;

typedef struct CofferdamRegoText {
  const char* data;
  size_t size;
} CofferdamRegoText;

typedef struct CofferdamRegoLimits {
  uint64_t time_ms;
  uint64_t memory;  // Bytes above what the compiled policy holds.
  uint64_t output;  // Bytes of an answer.
} CofferdamRegoLimits;

enum {
  COFFERDAM_REGO_OK = 0,
  COFFERDAM_REGO_ERROR = 1,  // The answer says what is wrong, and where.
  COFFERDAM_REGO_TIME = 2,
  COFFERDAM_REGO_MEMORY = 3,
  COFFERDAM_REGO_OUTPUT = 4,
  COFFERDAM_REGO_TIME_STOPPED = 5,    // As above; the thread was suspended for good
  COFFERDAM_REGO_MEMORY_STOPPED = 6,  // and holds its memory.
  COFFERDAM_REGO_FAILED = 7           // A bug, or no thread could be made.
};

// Compiles {"modules": [{"name": TEXT, "text": TEXT}], "data": OBJECT}. On success `policy` is to
// be freed with cofferdam_rego_free, and the answer is the JSON array of the paths of its tests.
uint32_t cofferdam_rego_compile(CofferdamRegoText source, CofferdamRegoLimits limits,
                                CofferdamRego** policy, CofferdamRegoText* answer);

// Evaluates a query on an input, which is JSON. The answer is what `opa eval` gives as "result": an
// array, empty when undefined.
uint32_t cofferdam_rego_query(const CofferdamRego* policy, CofferdamRegoText query,
                              CofferdamRegoText input, CofferdamRegoLimits limits,
                              CofferdamRegoText* answer);

void cofferdam_rego_free(CofferdamRego* policy);
// `answer` of any call, also of one that failed.
void cofferdam_rego_free_text(CofferdamRegoText answer);

#ifdef __cplusplus
}
#endif
