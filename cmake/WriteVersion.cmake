# Writes the version header OUTPUT, touching it only when its text changes. Run by the target bitloom_version.
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --tags --abbrev=12
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR commit STREQUAL "")
  set(commit "unknown")
endif()
set(build "${BUILD_TYPE}")
if(SANITIZE)
  string(APPEND build "+sanitizers")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[#pragma once
#define BITLOOM_VERSION "@VERSION@"
#define BITLOOM_COMMIT "@commit@"
#define BITLOOM_BUILD "@build@"
#define BITLOOM_COMPILER "@COMPILER@"
]])
