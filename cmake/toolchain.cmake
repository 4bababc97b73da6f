# Compiler settings that every target shares.
include(CTest)
set(REVOKED_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, address, thread; fuzzer (Clang only)")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/compile)
endif()

add_library(revoked_flags INTERFACE)
target_compile_options(revoked_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
if(CMAKE_UNITY_BUILD)
  # Several sources are one translation unit, which more than halves a build from nothing. What a source keeps to
  # itself is then seen by its neighbours; the preset dev, which builds each by itself, has these warnings.
  target_compile_options(revoked_flags INTERFACE -Wno-shadow -Wno-subobject-linkage)
endif()
target_include_directories(revoked_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Boost is built once, in cache/wire/asio.cpp, instead of in every translation unit.
target_compile_definitions(revoked_flags INTERFACE
  # hiredis and simdjson ask for these; a shared precompiled header needs them everywhere.
  _FILE_OFFSET_BITS=64 SIMDJSON_THREADS_ENABLED=1
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

if(REVOKED_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With instrumentation in between, GCC 12 takes std::optional for uninitialised.
  target_compile_options(revoked_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(REVOKED_SANITIZE STREQUAL "address")
  # Without the three checks that take long to compile: of null pointers, which end the program anyway when they are
  # followed, of alignment and of dynamic types. The preset `fuzz` has them.
  target_compile_options(revoked_flags INTERFACE -fsanitize=address,undefined -fno-sanitize=null,alignment,vptr
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # GCC 12 takes reads of std::string for reads beyond it (bug 105651); the other presets have these warnings.
  target_compile_options(revoked_flags INTERFACE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
  target_link_options(revoked_flags INTERFACE -fsanitize=address,undefined)
elseif(REVOKED_SANITIZE STREQUAL "thread")
  # GCC 12's libstdc++ and Asio use fences, which TSan does not model; no data race hides behind them here.
  target_compile_options(revoked_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  target_link_options(revoked_flags INTERFACE -fsanitize=thread)
elseif(REVOKED_SANITIZE STREQUAL "fuzzer")
  # Without `function`, which Clang 14 cannot put before a coroutine.
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
