# Verilator, new enough: 4.x lacks what the RTL and its harness use.
find_program(VERILATOR verilator REQUIRED)
execute_process(COMMAND "${VERILATOR}" --version OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT text MATCHES "Verilator ([0-9.]+)" OR CMAKE_MATCH_1 VERSION_LESS 5.006)
  message(FATAL_ERROR "Verilator 5.006 or newer is needed (Debian 12, Ubuntu 24.04); found: ${text}")
endif()
if("${CMAKE_SOURCE_DIR}${CMAKE_BINARY_DIR}" MATCHES "[ \t]")
  message(FATAL_ERROR "Verilator breaks paths at blanks: '${CMAKE_SOURCE_DIR}', '${CMAKE_BINARY_DIR}'. Use ./bitloom, which "
                      "goes through a link, or folders without blanks.")
endif()
