# Tests and benchmarks.
#
# ctest labels: quick (all together under a minute), full (with quick under 10 minutes on 2 cores), long (only
# `./bitloom test --all`), rules (checks of the tree itself), lint; and the name of the part that is tested (model, kernels,
# sim, rtl, testbench, program), by which the Debug and sanitizer builds choose.

# bitloom_part(RESULT): the part that the current folder tests: model and testbench/model with its rooms
# all give "model".
function(bitloom_part result)
  file(RELATIVE_PATH folder "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  string(REPLACE "/" ";" parts "${folder}")
  list(GET parts 0 part)
  list(LENGTH parts depth)
  if(depth GREATER 1 AND part STREQUAL "testbench")
    list(GET parts 1 part)
  elseif(folder STREQUAL "sim/program")
    set(part program)
  endif()
  set(${result} "${part}" PARENT_SCOPE)
endfunction()

# bitloom_test(NAME name SOURCES a.cpp … LIBS lib … LABELS quick|full|… [PART part] [MAIN]) adds one GoogleTest program as
# one ctest entry. MAIN: the sources bring their own main (or sc_main). PART: where the folder does not tell it.
function(bitloom_test)
  cmake_parse_arguments(T "MAIN" "NAME;PART" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT BITLOOM_TESTS)
    return()
  endif()
  if(NOT T_LABELS)
    message(FATAL_ERROR "bitloom_test(${T_NAME}): LABELS is missing (quick, full or long)")
  endif()
  if(NOT T_PART)
    bitloom_part(T_PART)
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_compile_options(${T_NAME} PRIVATE ${BITLOOM_QUICK_BUILD})
  target_link_libraries(${T_NAME} PRIVATE bitloom_options ${T_LIBS} GTest::gtest GTest::gmock)
  if(NOT T_MAIN)
    target_link_libraries(${T_NAME} PRIVATE GTest::gtest_main)
  endif()
  add_test(NAME ${T_NAME} COMMAND ${T_NAME})
  set_tests_properties(${T_NAME} PROPERTIES LABELS "${T_LABELS};${T_PART}" TIMEOUT 1500
    ENVIRONMENT "BITLOOM_SOURCE_DIR=${CMAKE_SOURCE_DIR};BITLOOM_BINARY_DIR=${CMAKE_BINARY_DIR}")
  set_property(GLOBAL APPEND PROPERTY BITLOOM_TESTS_OF_${T_PART} ${T_NAME})
endfunction()

# bitloom_isa_test(NAME name …): a quick test that runs with the default, and full ones with each instruction set and
# each oneDNN kernel family.
function(bitloom_isa_test)
  cmake_parse_arguments(T "" "NAME" "" ${ARGN})
  bitloom_test(${ARGN} LABELS quick)
  foreach(variant "generic:BITLOOM_ISA=generic" "avx2:BITLOOM_ISA=avx2" "avx512:BITLOOM_ISA=avx512"
                  "avx512popcnt:BITLOOM_ISA=avx512popcnt"
                  "dnnl_avx2:DNNL_MAX_CPU_ISA=AVX2" "dnnl_avx512_core:DNNL_MAX_CPU_ISA=AVX512_CORE")
    string(REPLACE ":" ";" variant "${variant}")
    list(GET variant 0 suffix)
    list(GET variant 1 setting)
    add_test(NAME ${T_NAME}_${suffix} COMMAND ${T_NAME})
    # What isa.cpp says where the machine lacks the instruction set: nothing can be tested then.
    set_tests_properties(${T_NAME}_${suffix} PROPERTIES LABELS "full;model" TIMEOUT 600
      SKIP_REGULAR_EXPRESSION "BITLOOM_ISA: this machine cannot run"
      ENVIRONMENT "BITLOOM_SOURCE_DIR=${CMAKE_SOURCE_DIR};BITLOOM_BINARY_DIR=${CMAKE_BINARY_DIR};${setting}")
  endforeach()
endfunction()

# bitloom_script_test(NAME name COMMAND script arg … LABELS …): a shell script as one ctest entry.
function(bitloom_script_test)
  cmake_parse_arguments(T "" "NAME" "COMMAND;LABELS" ${ARGN})
  if(NOT BITLOOM_TESTS)
    return()
  endif()
  add_test(NAME ${T_NAME} COMMAND ${T_COMMAND})
  set_tests_properties(${T_NAME} PROPERTIES LABELS "${T_LABELS}" TIMEOUT 600
    ENVIRONMENT "BITLOOM_SOURCE_DIR=${CMAKE_SOURCE_DIR};BITLOOM_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()

# bitloom_benchmark(NAME name SOURCES … LIBS …): a Google Benchmark program that `./bitloom bench` runs.
function(bitloom_benchmark)
  cmake_parse_arguments(T "" "NAME" "SOURCES;LIBS" ${ARGN})
  if(NOT BITLOOM_TESTS)
    return()
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE bitloom_options ${T_LIBS} benchmark::benchmark)
  set_property(GLOBAL APPEND PROPERTY BITLOOM_BENCHMARKS ${T_NAME})
endfunction()

# Called once after all folders: the target component_tests (what Debug and sanitizer builds build) and the list of
# benchmarks that the script reads.
function(bitloom_finish_tests)
  if(NOT BITLOOM_TESTS)
    return()
  endif()
  add_custom_target(component_tests)
  foreach(part model kernels sim)
    get_property(tests GLOBAL PROPERTY BITLOOM_TESTS_OF_${part})
    if(tests)
      add_dependencies(component_tests ${tests})
    endif()
  endforeach()
  get_property(benchmarks GLOBAL PROPERTY BITLOOM_BENCHMARKS)
  set(lines "")
  foreach(benchmark IN LISTS benchmarks)
    string(APPEND lines "$<TARGET_FILE:${benchmark}>\n")
  endforeach()
  file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/benchmarks.txt" CONTENT "${lines}")
endfunction()
