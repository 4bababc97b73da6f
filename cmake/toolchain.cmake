# Compiler settings that every target shares.
include(CTest)
set(REVOKED_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, address, thread; fuzzer (Clang only)")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/compile)
endif()

add_library(revoked_flags INTERFACE)
target_compile_options(revoked_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  # libstdc++ 12 itself calls a deprecated function.
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety;-Wno-deprecated-declarations>)
if(CMAKE_UNITY_BUILD)
  # Several sources form one translation unit, which more than halves a full build. File-local names are then
  # visible to neighbours; the preset dev compiles each source alone and has these warnings.
  target_compile_options(revoked_flags INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
target_include_directories(revoked_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Rooms are linked into programs and into the gateway's library (cache/library), compiled once: also position-independent
# code, and no names that another library could replace, so that calls and inlining are as in a program. Here and not by
# CMake's properties, which give programs other flags than rooms: they share precompiled headers.
target_compile_options(revoked_flags INTERFACE -fPIC -fvisibility=hidden -fvisibility-inlines-hidden
  # Thread-local variables by offset, as in a program, also in the library: it has few.
  -ftls-model=initial-exec $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
# Boost is built once, in cache/wire/asio.cpp, instead of in every translation unit.
target_compile_definitions(revoked_flags INTERFACE
  # Required by hiredis and simdjson; a shared precompiled header needs them everywhere.
  _FILE_OFFSET_BITS=64 SIMDJSON_THREADS_ENABLED=1
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  # The order of locks is checked (engine/base/mutex.hpp) in every build but release.
  $<$<CONFIG:Debug>:REVOKED_CHECK_LOCK_LEVELS>)

if(REVOKED_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With instrumentation GCC 12 reports std::optional as uninitialised.
  target_compile_options(revoked_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(REVOKED_SANITIZE STREQUAL "address")
  # Without three checks that are slow to compile: null (a dereference crashes anyway), alignment and vptr.
  # The preset `fuzz` has them.
  target_compile_options(revoked_flags INTERFACE -fsanitize=address,undefined -fno-sanitize=null,alignment,vptr
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # GCC 12 reports false out-of-bounds reads of std::string (bug 105651); the other presets have these
  # warnings.
  target_compile_options(revoked_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-restrict>)
  target_link_options(revoked_flags INTERFACE -fsanitize=address,undefined)
elseif(REVOKED_SANITIZE STREQUAL "thread")
  # GCC 12's libstdc++ and Asio use fences, which TSan does not model; no data race depends on them here.
  target_compile_options(revoked_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  target_link_options(revoked_flags INTERFACE -fsanitize=thread)
elseif(REVOKED_SANITIZE STREQUAL "fuzzer")
  # Without `function`, which Clang 14 does not support for coroutines.
  target_compile_options(revoked_flags INTERFACE -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize=function
    -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-unused-private-field)
  target_link_options(revoked_flags INTERFACE -fsanitize=address,undefined)
elseif(REVOKED_SANITIZE)
  message(FATAL_ERROR "REVOKED_SANITIZE must be empty, address, thread or fuzzer, not '${REVOKED_SANITIZE}'")
endif()

# The version and commit that --version prints.
find_package(Git QUIET)
set(REVOKED_COMMIT "unknown")
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short=12 HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE REVOKED_COMMIT_FOUND OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(REVOKED_COMMIT_FOUND)
    set(REVOKED_COMMIT ${REVOKED_COMMIT_FOUND})
  endif()
endif()
