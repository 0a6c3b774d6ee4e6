# Language level, warnings, sanitizers and the interface target that every target of ours links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Without NDEBUG: a check never disappears from a build.
set(CMAKE_CXX_FLAGS_RELEASE "-O3")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
# For sources whose own speed nobody feels (tests, commands, readers of files): -O3 doubles the time that GCC takes for
# them, and they are most of what a build compiles.
set(BITLOOM_QUICK_BUILD $<$<CONFIG:Release>:-O1> $<$<CONFIG:Release>:-finline-small-functions>)

option(BITLOOM_TESTS "Build the tests and benchmarks" ON)
option(BITLOOM_SANITIZE "Build with the address and undefined-behaviour sanitizers" OFF)
option(BITLOOM_COVERAGE "Count the lines and branches that run (Clang)" OFF)
option(BITLOOM_FUZZ "Build the fuzzers (Clang)" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(bitloom_options INTERFACE)
# What is ours alone (warnings, the source folder) is not passed on to users of the installed libraries.
target_compile_options(bitloom_options INTERFACE
  "$<BUILD_INTERFACE:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-sign-conversion;-Werror>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 at -O3 reports overflows inside the headers of fmt and std::string that cannot happen.
  target_compile_options(bitloom_options INTERFACE "$<BUILD_INTERFACE:-Wno-stringop-overflow;-Wno-restrict>")
endif()
target_include_directories(bitloom_options INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                                                     $<INSTALL_INTERFACE:include/bitloom>)
target_compile_features(bitloom_options INTERFACE cxx_std_20)
if(BITLOOM_SANITIZE)
  target_compile_options(bitloom_options INTERFACE -fsanitize=address,undefined
                                                   -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(bitloom_options INTERFACE -fsanitize=address,undefined)
endif()
if(BITLOOM_COVERAGE)
  target_compile_options(bitloom_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(bitloom_options INTERFACE -fprofile-instr-generate)
endif()
if(BITLOOM_FUZZ)
  target_compile_options(bitloom_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
