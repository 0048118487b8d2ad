# SPDX-License-Identifier: Apache-2.0
# The Rego interpreter (third_party/rust/rego: regorus behind a C interface) as Regorus::rego.
#
# cargo fetches the crates once and checks them against the lock file. The library is built from
# them without the network, in release mode, as one step of the build beside the C++ ones; every
# preset links the same one.

set(_rust "${CMAKE_SOURCE_DIR}/third_party/rust")
set(_deps "${CMAKE_SOURCE_DIR}/build/deps")
set(_crates "${_deps}/crates")
set(_target "${_deps}/rego")

file(STRINGS "${_rust}/Cargo.lock" _lines)
string(REGEX MATCH "name = \"regorus\";version = \"([0-9.]+)\"" _ "${_lines}")
if(NOT CMAKE_MATCH_1)
  message(FATAL_ERROR "no regorus in ${_rust}/Cargo.lock")
endif()
find_program(CARGO cargo REQUIRED)

file(LOCK "${_deps}/lock" TIMEOUT 1800)  # Two presets may configure at once.
file(SHA256 "${_rust}/Cargo.lock" _pins)
if(NOT EXISTS "${_crates}/pins-${_pins}")
  message(STATUS "regorus ${CMAKE_MATCH_1}: fetching (cargo)")
  execute_process(COMMAND "${CARGO}" vendor --locked --versioned-dirs
    --manifest-path "${_rust}/Cargo.toml" "${_crates}"
    RESULT_VARIABLE _failed OUTPUT_VARIABLE _log ERROR_VARIABLE _log)
  if(_failed)
    message(FATAL_ERROR "cargo vendor failed:\n${_log}")
  endif()
  file(TOUCH "${_crates}/pins-${_pins}")
endif()
file(LOCK "${_deps}/lock" RELEASE)

set(REGORUS_LIBRARY "${_target}/release/libcofferdam_rego.a")
file(GLOB _sources CONFIGURE_DEPENDS "${_rust}/rego/src/*.rs")
set(_stamp "${CMAKE_BINARY_DIR}/regorus.stamp")
add_custom_command(OUTPUT "${_stamp}" BYPRODUCTS "${REGORUS_LIBRARY}"
  COMMAND "${CMAKE_COMMAND}" -E env "RUSTFLAGS=--remap-path-prefix=${CMAKE_SOURCE_DIR}=."
    "${CARGO}" build --quiet --release --locked --offline --package cofferdam-rego
    --manifest-path "${_rust}/Cargo.toml" --target-dir "${_target}"
    --config "source.crates-io.replace-with='vendored'"
    --config "source.vendored.directory='${_crates}'"
  COMMAND "${CMAKE_COMMAND}" -E touch "${_stamp}"
  DEPENDS ${_sources} "${_rust}/Cargo.lock" "${_rust}/Cargo.toml" "${_rust}/rego/Cargo.toml"
  COMMENT "Building regorus (cargo)" VERBATIM)
add_custom_target(regorus_build DEPENDS "${_stamp}")

add_library(Regorus::rego STATIC IMPORTED)
set_target_properties(Regorus::rego PROPERTIES
  IMPORTED_LOCATION "${REGORUS_LIBRARY}"
  INTERFACE_INCLUDE_DIRECTORIES "${_rust}/rego/include"
  INTERFACE_LINK_LIBRARIES Threads::Threads)
add_dependencies(Regorus::rego regorus_build)
