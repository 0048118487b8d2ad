# SPDX-License-Identifier: Apache-2.0
# How every library, test and fuzzer of the project is compiled.

add_library(cofferdam_options INTERFACE)
target_include_directories(cofferdam_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(cofferdam_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wformat=2
  $<$<BOOL:${COFFERDAM_WERROR}>:-Werror>
  -fstack-protector-strong -fno-omit-frame-pointer -ffunction-sections -fdata-sections
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_compile_definitions(cofferdam_options INTERFACE
  _GLIBCXX_ASSERTIONS COFFERDAM_VERSION="${PROJECT_VERSION}"
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_USE_STD_STRING_VIEW)
target_link_options(cofferdam_options INTERFACE -Wl,--gc-sections
  $<$<CXX_COMPILER_ID:Clang>:-fuse-ld=lld-19>)
target_link_libraries(cofferdam_options INTERFACE Boost::headers Threads::Threads)

# cofferdam_library(name SOURCES ... [DEPS ...]): the library cofferdam_<name> of src/<name>.
function(cofferdam_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(cofferdam_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(cofferdam_${name} PUBLIC cofferdam_options ${ARG_DEPS})
endfunction()

# cofferdam_static(target): a program that runs in an empty root. Only where it is shipped: sanitizers
# need shared libraries. Names are never looked up inside an enclave, so glibc's warning about
# getaddrinfo in static programs does not concern us.
function(cofferdam_static target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_link_options(${target} PRIVATE -static-pie -s)
  endif()
endfunction()

# cofferdam_test(name SOURCES ... [DEPS ...]): a GoogleTest binary <name>_test, each test known to
# ctest. Tests run in the source folder and find foreign vectors through COFFERDAM_VECTORS.
function(cofferdam_test name)
  if(NOT COFFERDAM_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} cofferdam_options GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()

# cofferdam_fuzzer(name DEPS ...): fuzz/<name>_fuzz.cc with its seeds in fuzz/corpus/<name>.
function(cofferdam_fuzzer name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name}_fuzz ${name}_fuzz.cc)
  target_link_libraries(${name}_fuzz PRIVATE ${ARG_DEPS} cofferdam_options)
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY COFFERDAM_FUZZERS ${name})
  if(COFFERDAM_TESTS)
    add_test(NAME fuzz/${name} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
      COMMAND "${CMAKE_SOURCE_DIR}/fuzz/run.sh" $<TARGET_FILE:${name}_fuzz> 3)
    set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
  endif()
endfunction()
