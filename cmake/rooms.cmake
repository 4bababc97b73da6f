# revoked_add_room(<target> DIRECTORY <folder> SOURCES <file>... USES <target>... [PRIVATE <target>...])
# One target per room, so that the linker enforces the dependencies in the folder's README.md. PRIVATE
# libraries are not visible to other rooms.
function(revoked_add_room target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIRECTORY" "SOURCES;USES;PRIVATE")
  list(TRANSFORM arg_SOURCES PREPEND ${arg_DIRECTORY}/)
  add_library(${target} STATIC ${arg_SOURCES})
  target_link_libraries(${target} PUBLIC ${arg_USES} PRIVATE ${arg_PRIVATE})
endfunction()
