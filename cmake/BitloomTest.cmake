# bitloom_test(NAME name SOURCES a.cpp … LIBS lib … LABELS quick|full|… [MAIN]) adds one GoogleTest program as one ctest
# entry. MAIN: the sources bring their own main (or sc_main).
function(bitloom_test)
  cmake_parse_arguments(T "MAIN" "NAME" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT BITLOOM_TESTS)
    return()
  endif()
  add_executable(${T_NAME} ${T_SOURCES})
  target_link_libraries(${T_NAME} PRIVATE bitloom_options ${T_LIBS} GTest::gtest GTest::gmock)
  if(NOT T_MAIN)
    target_link_libraries(${T_NAME} PRIVATE GTest::gtest_main)
  endif()
  add_test(NAME ${T_NAME} COMMAND ${T_NAME})
  set_tests_properties(${T_NAME} PROPERTIES LABELS "${T_LABELS}"
    ENVIRONMENT "BITLOOM_SOURCE_DIR=${CMAKE_SOURCE_DIR};BITLOOM_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()
