# kefu_library(NAME SOURCES… DEPS…), kefu_program(NAME SOURCES… DEPS…), kefu_test(NAME SOURCES… DEPS…)
# DEPS are the layers a folder may include (docs: DESIGN, "Layout"); nothing else is on its include path but the tree itself.

add_library(kefu_flags INTERFACE)
# -Wrestrict warns wrongly about std::string concatenation in GCC 12 (GCC bug 105651).
target_compile_options(kefu_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(KEFU_WERROR)
  target_compile_options(kefu_flags INTERFACE -Werror)
endif()
if(KEFU_SANITIZE)
  target_compile_options(kefu_flags INTERFACE -fsanitize=${KEFU_SANITIZE} -fno-omit-frame-pointer)
  if(KEFU_SANITIZE MATCHES undefined)
    # What the address sanitizer sees as well: these checks double the time of the build.
    target_compile_options(kefu_flags INTERFACE -fno-sanitize-recover=undefined
      -fno-sanitize=null,alignment,object-size,vptr,nonnull-attribute,returns-nonnull-attribute)
  endif()
  target_link_options(kefu_flags INTERFACE -fsanitize=${KEFU_SANITIZE})
endif()
if(KEFU_FUZZ)
  target_compile_options(kefu_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(kefu_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(kefu_flags INTERFACE Threads::Threads)

# Compiling them is what takes long: tests' own sources are not optimised; what they test, and doctest itself, is.
set(KEFU_TEST_OPTIONS -O0)

# With Clang, which the sanitizers use, what most sources include is compiled once: half of the time of that build. GCC gains nothing
# by it, so the other builds do without, and a source that does not include what it uses fails there.
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  set(common_headers <algorithm> <array> <atomic> <chrono> <condition_variable> <deque> <fstream> <functional> <map> <memory> <mutex>
    <optional> <random> <set> <span> <sstream> <stdexcept> <string> <thread> <vector> <nlohmann/json.hpp>
    <kefu/v1/event.pb.h> <kefu/v1/work.pb.h>)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp "")
  add_library(kefu_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(kefu_precompiled PRIVATE kefu_flags kefu_proto)
  target_precompile_headers(kefu_precompiled PRIVATE ${common_headers})
  add_library(kefu_precompiled_tests OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(kefu_precompiled_tests PRIVATE kefu_flags kefu_proto doctest::doctest)
  target_compile_options(kefu_precompiled_tests PRIVATE ${KEFU_TEST_OPTIONS})
  target_precompile_headers(kefu_precompiled_tests PRIVATE ${common_headers} <doctest/doctest.h>)
endif()

function(use_precompiled target headers)
  if(TARGET ${headers})
    target_precompile_headers(${target} REUSE_FROM ${headers})
  endif()
endfunction()

add_library(kefu_doctest_main OBJECT ${PROJECT_SOURCE_DIR}/tests/doctest_main.cpp)
target_link_libraries(kefu_doctest_main PUBLIC kefu_flags doctest::doctest)

function(kefu_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC kefu_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  use_precompiled(${name} kefu_precompiled)
endfunction()

function(kefu_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE kefu_flags ${ARG_DEPS})
  use_precompiled(${name} kefu_precompiled)
endfunction()

# One CTest entry a program; EACH makes it one a TEST_CASE (for slow, parallel, whole-process tests).
function(kefu_test name)
  cmake_parse_arguments(ARG "EACH" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE kefu_doctest_main doctest::doctest ${ARG_DEPS})
  target_compile_options(${name} PRIVATE ${KEFU_TEST_OPTIONS})
  use_precompiled(${name} kefu_precompiled_tests)
  target_compile_definitions(${name} PRIVATE
    KEFU_TEST_VECTORS="${PROJECT_SOURCE_DIR}/tests/vectors" KEFU_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(ARG_EACH)
    doctest_discover_tests(${name} PROPERTIES TIMEOUT 120)
  else()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()
