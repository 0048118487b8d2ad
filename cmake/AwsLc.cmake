# SPDX-License-Identifier: Apache-2.0
# AWS-LC, at the version pinned by third_party/rust/Cargo.lock, as AwsLc::crypto and AwsLc::ssl.
#
# cargo fetches the crate and checks its hash against the lock file; CMake builds the C sources
# inside it once, in release mode, and every preset links that one build.

set(_lock "${CMAKE_SOURCE_DIR}/third_party/rust/Cargo.lock")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_lock}")
file(STRINGS "${_lock}" _lines)
string(REGEX MATCH "name = \"aws-lc-sys\";version = \"([0-9.]+)\"" _ "${_lines}")
if(NOT CMAKE_MATCH_1)
  message(FATAL_ERROR "no aws-lc-sys in ${_lock}")
endif()
set(_version "${CMAKE_MATCH_1}")

set(_deps "${CMAKE_SOURCE_DIR}/build/deps")
set(AWSLC_ROOT "${_deps}/aws-lc-${_version}")
set(_source "${_deps}/crates/aws-lc-sys-${_version}/aws-lc")

function(_awslc_run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
  if(failed)
    message(FATAL_ERROR "${what} failed:\n${log}")
  endif()
endfunction()

file(MAKE_DIRECTORY "${_deps}")
file(LOCK "${_deps}/lock" TIMEOUT 1800)  # Two presets may configure at once.
if(NOT EXISTS "${AWSLC_ROOT}/done")
  find_program(CARGO cargo REQUIRED)
  message(STATUS "AWS-LC ${_version}: fetching (cargo)")
  _awslc_run("cargo vendor" "${CARGO}" vendor --locked --versioned-dirs
    --manifest-path "${CMAKE_SOURCE_DIR}/third_party/rust/Cargo.toml" "${_deps}/crates")
  message(STATUS "AWS-LC ${_version}: building once for all presets (about 3 CPU-minutes)")
  set(_launcher)
  if(CCACHE)
    set(_launcher "-DCMAKE_C_COMPILER_LAUNCHER=${CCACHE}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${CCACHE}"
      "-DCMAKE_ASM_COMPILER_LAUNCHER=${CCACHE}")
  endif()
  _awslc_run("configuring AWS-LC" "${CMAKE_COMMAND}" -S "${_source}" -B "${_deps}/aws-lc-build"
    -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}
    -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    -DBUILD_TESTING=OFF -DDISABLE_GO=ON -DDISABLE_PERL=ON -DBUILD_TOOL=OFF
    "-DCMAKE_C_FLAGS=-ffunction-sections -fdata-sections"
    "-DCMAKE_INSTALL_PREFIX=${AWSLC_ROOT}" -DCMAKE_INSTALL_LIBDIR=lib ${_launcher})
  _awslc_run("building AWS-LC" "${CMAKE_COMMAND}" --build "${_deps}/aws-lc-build" --target install)
  file(TOUCH "${AWSLC_ROOT}/done")
endif()
file(LOCK "${_deps}/lock" RELEASE)

add_library(AwsLc::crypto STATIC IMPORTED)
set_target_properties(AwsLc::crypto PROPERTIES
  IMPORTED_LOCATION "${AWSLC_ROOT}/lib/libcrypto.a"
  INTERFACE_INCLUDE_DIRECTORIES "${AWSLC_ROOT}/include"
  INTERFACE_LINK_LIBRARIES Threads::Threads)
add_library(AwsLc::ssl STATIC IMPORTED)
set_target_properties(AwsLc::ssl PROPERTIES
  IMPORTED_LOCATION "${AWSLC_ROOT}/lib/libssl.a"
  INTERFACE_INCLUDE_DIRECTORIES "${AWSLC_ROOT}/include"
  INTERFACE_LINK_LIBRARIES AwsLc::crypto)
