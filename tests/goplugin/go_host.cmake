# The original's own client as a host of the examples: goplugin_go_host makes ${go_host}.
if(NOT TARGET goplugin_examples)
  add_subdirectory(${PROJECT_SOURCE_DIR}/examples/goplugin
    ${PROJECT_BINARY_DIR}/examples/goplugin)
endif()
set(go_host ${PROJECT_BINARY_DIR}/tests/goplugin/go_host)
if(NOT TARGET goplugin_go_host)
  get_target_property(go_build goplugin_examples GO_BUILD)
  add_custom_command(OUTPUT ${go_host}
    COMMAND ${go_build} -o ${go_host} ${CMAKE_CURRENT_LIST_DIR}/go_host.go
    DEPENDS ${CMAKE_CURRENT_LIST_DIR}/go_host.go goplugin_examples VERBATIM)
  add_custom_target(goplugin_go_host ALL DEPENDS ${go_host})
endif()
