# Writes OUTPUT, which includes every C++ file that Verilator left in FOLDER: one translation unit of a name known in advance.
file(GLOB sources "${FOLDER}/*.cpp")
list(REMOVE_ITEM sources "${OUTPUT}")
list(SORT sources)
set(text "")
foreach(source ${sources})
  string(APPEND text "#include \"${source}\"\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
