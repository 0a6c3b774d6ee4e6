# cmake --install: the program, the libraries with their headers as the CMake package "bitloom" (targets bitloom::model,
# bitloom::dram, bitloom::kernels, bitloom::sim), and the named networks, recipes and hardware.
include(GNUInstallDirs)
set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/bitloom")

foreach(part model kernels sim)
  install(DIRECTORY ${part} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bitloom
          FILES_MATCHING PATTERN "*.hpp" PATTERN "program" EXCLUDE PATTERN "results" EXCLUDE)
endforeach()
set(libraries bitloom_options)
foreach(part model dram kernels sim)
  if(TARGET bitloom_${part})
    set_target_properties(bitloom_${part} PROPERTIES EXPORT_NAME ${part})
    list(APPEND libraries bitloom_${part})
  endif()
endforeach()
set_target_properties(bitloom_options PROPERTIES EXPORT_NAME options)
install(TARGETS ${libraries} EXPORT bitloom ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT bitloom NAMESPACE bitloom:: FILE bitloom-targets.cmake DESTINATION ${package_folder})

include(CMakePackageConfigHelpers)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/bitloom-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/bitloom-config-version.cmake" cmake/bitloom-config.cmake cmake/BitloomDnnl.cmake
        DESTINATION ${package_folder})

if(TARGET bitloom)
  install(TARGETS bitloom RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # What `cosim` and `demo` load, and what they make the machine of an own hardware from (sim/cosim/rtl/places.cpp).
  set(machines "${CMAKE_INSTALL_LIBDIR}/bitloom")
  install(TARGETS verilated_fast verilated_waves ARCHIVE DESTINATION ${machines})
  foreach(name ${BITLOOM_RTL_MACHINES})
    install(FILES "${CMAKE_BINARY_DIR}/rtl/librtl_${name}.so" DESTINATION ${machines})
    if(TARGET rtl_${name}_trace)
      install(FILES "${CMAKE_BINARY_DIR}/rtl/librtl_${name}_trace.so" DESTINATION ${machines})
    endif()
  endforeach()
  set(sources "${CMAKE_INSTALL_DATADIR}/bitloom/sources")
  install(DIRECTORY rtl DESTINATION ${sources} FILES_MATCHING PATTERN "*.sv" PATTERN "build_library.cmake")
  install(FILES sim/cosim/rtl/wrapper.cpp sim/cosim/rtl/abi.hpp DESTINATION ${sources}/sim/cosim/rtl)
endif()
foreach(kind networks recipes hardware energy hyper experiments dram schema)
  install(DIRECTORY traces/${kind} DESTINATION ${CMAKE_INSTALL_DATADIR}/bitloom)
endforeach()
# What `bitloom explain` reads.
install(DIRECTORY docs/numerics DESTINATION ${CMAKE_INSTALL_DATADIR}/bitloom/docs)
install(FILES docs/units.md DESTINATION ${CMAKE_INSTALL_DATADIR}/bitloom/docs)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
