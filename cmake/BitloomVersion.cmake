# bitloom_version(TARGET): gives the target the version header and the places of traces/. The header is written again at
# each build (and touched only when it changes), so that the commit it names is the true one.
function(bitloom_version target)
  set(folder "${CMAKE_BINARY_DIR}/generated/version")
  set(header "${folder}/bitloom_version.hpp")
  add_custom_target(bitloom_version_header
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${header} -DVERSION=${PROJECT_VERSION}
            -DBUILD_TYPE=${CMAKE_BUILD_TYPE} -DSANITIZE=${BITLOOM_SANITIZE}
            -DCOMPILER=${CMAKE_CXX_COMPILER_ID}-${CMAKE_CXX_COMPILER_VERSION}
            -P ${CMAKE_SOURCE_DIR}/cmake/WriteVersion.cmake
    BYPRODUCTS "${header}"
    COMMENT "" VERBATIM)
  add_dependencies(${target} bitloom_version_header)
  target_include_directories(${target} PRIVATE "${folder}")
  # Only one source sees the paths, so that another folder does not spoil the compiler cache for all.
  set_property(SOURCE "${CMAKE_SOURCE_DIR}/model/io/traces.cpp" TARGET_DIRECTORY ${target} APPEND PROPERTY COMPILE_DEFINITIONS
    "BITLOOM_SOURCE_TRACES=\"${CMAKE_SOURCE_DIR}/traces\""
    "BITLOOM_INSTALLED_TRACES=\"${CMAKE_INSTALL_PREFIX}/share/bitloom\"")
endfunction()
