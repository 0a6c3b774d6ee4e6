# Makes the shared library of one Verilated machine: cmake -D… -P build_library.cmake. Used by the build for the named
# hardware and at run time for a user's own.
#   ROOT      root of the sources                  PACKAGE   bl_pkg.sv of the hardware
#   FOLDER    scratch folder                       OUTPUT    the library
#   WAVES     1: can write FST waves and checks assertions; 0: as fast as possible
#   RUNTIME   archive of Verilator's runtime       INCLUDE   Verilator's include folder
#   VERILATOR, CXX, LAUNCHER (may be empty)        the tools
#   YOSYS     optional: Verilate Yosys's netlist of the RTL instead, a second reading of the same text
foreach(argument ROOT PACKAGE FOLDER OUTPUT WAVES RUNTIME INCLUDE VERILATOR CXX)
  if(NOT DEFINED ${argument})
    message(FATAL_ERROR "build_library.cmake: -D${argument}= is missing")
  endif()
endforeach()

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${FOLDER}" RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " line "${ARGN}")
    message(FATAL_ERROR "${line}\n${text}")
  endif()
endfunction()

file(READ "${PACKAGE}" package)
if(NOT package MATCHES "int AXI_BYTES = ([0-9]+);")
  message(FATAL_ERROR "${PACKAGE}: AXI_BYTES is not there")
endif()
set(axi_bytes ${CMAKE_MATCH_1})
if(NOT package MATCHES "CONFIG_HASH = 32'h([0-9a-f]+);")
  message(FATAL_ERROR "${PACKAGE}: CONFIG_HASH is not there")
endif()
set(config_hash 0x${CMAKE_MATCH_1})

file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
# Verilator's own start script breaks paths with blanks, so it gets short ones that lead through a link.
file(CREATE_LINK "${ROOT}/rtl" "${FOLDER}/rtl" SYMBOLIC)
file(GLOB sources RELATIVE "${FOLDER}" "${FOLDER}/rtl/*.sv")
set(variant -O3)
set(optimise -O3)
if(WAVES)
  set(variant -O3 --trace-fst --assert)
  set(optimise -O1)
endif()
configure_file("${PACKAGE}" "${FOLDER}/bl_pkg.sv" COPYONLY) # a file is named as what it holds
set(package bl_pkg.sv)
set(lint -Wall)
if(YOSYS)
  file(WRITE "${FOLDER}/netlist.ys" "read_verilog -sv bl_pkg.sv rtl/*.sv\nhierarchy -check -top bl_top\nproc\n"
    "opt -full\nmemory_dff\nmemory_collect\nopt_clean\nwrite_verilog -noattr ${FOLDER}/netlist.v\n")
  run("${YOSYS}" -q "${FOLDER}/netlist.ys")
  set(package "")
  set(sources "${FOLDER}/netlist.v")
  set(lint -Wno-lint -Wno-style -Wno-fatal) # of a generated text
  set(optimise -O1)
endif()
# A package holds more than one module uses, hence no UNUSEDPARAM. The loops over cells are unrolled.
run("${VERILATOR}" --cc ${variant} ${lint} -Wno-UNUSEDPARAM --unroll-count 2048 --unroll-stmts 1000000 --output-split 0
    --x-assign unique --x-initial unique --top-module bl_top --Mdir "${FOLDER}" ${package} ${sources})

# One translation unit, so that the compiler sees all.
file(GLOB generated RELATIVE "${FOLDER}" "${FOLDER}/*.cpp")
set(text "")
foreach(source ${generated})
  string(APPEND text "#include \"${source}\"\n")
endforeach()
file(WRITE "${FOLDER}/machine.cc" "${text}#include \"sim/cosim/rtl/wrapper.cpp\"\n")
run(${LAUNCHER} "${CXX}" -std=c++20 ${optimise} -fPIC -fvisibility=hidden -w -DVM_TRACE=${WAVES} -DVM_TRACE_FST=${WAVES}
    -DBITLOOM_WAVES=${WAVES} -DBITLOOM_AXI_BYTES=${axi_bytes} -DBITLOOM_CONFIG_HASH=${config_hash}u -I "${FOLDER}" -I "${ROOT}"
    -I "${INCLUDE}" -I "${INCLUDE}/vltstd" -c "${FOLDER}/machine.cc" -o "${FOLDER}/machine.o")
run("${CXX}" -shared -o "${OUTPUT}.new" "${FOLDER}/machine.o" "${RUNTIME}" -lz -lpthread)
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
