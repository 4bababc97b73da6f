# revoked_add_room(<target> DIRECTORY <folder> SOURCES <file>... USES <target>... [PRIVATE <target>...])
# One target a room, so that the linker keeps the walls that the folder's README.md describes. What is PRIVATE
# nobody else sees.
function(revoked_add_room target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIRECTORY" "SOURCES;USES;PRIVATE")
  list(TRANSFORM arg_SOURCES PREPEND ${arg_DIRECTORY}/)
  add_library(${target} STATIC ${arg_SOURCES})
  target_link_libraries(${target} PUBLIC ${arg_USES} PRIVATE ${arg_PRIVATE})
endfunction()
