# Installs the headers and libraries, the config for find_package and the files for pkg-config.
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/plugreload)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
get_target_property(core_type plugreload TYPE)

install(DIRECTORY include/plugreload DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS plugreload EXPORT plugreload_cpp
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT plugreload_cpp FILE plugreload-cpp.cmake NAMESPACE plugreload::
  DESTINATION ${config_dir})
# The C library has its own export set, so that a C project needs nothing of C++.
if(TARGET plugreload_c)
  set_target_properties(plugreload_c PROPERTIES EXPORT_NAME c)
  install(TARGETS plugreload_c EXPORT plugreload_c LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT plugreload_c FILE plugreload-c.cmake NAMESPACE plugreload::
    DESTINATION ${config_dir})
endif()
# So has each optional component, so that nobody looks for what another one needs.
foreach(name sqlite sqlite_c etcd etcd_c goplugin goplugin_c)
  if(TARGET plugreload_${name})
    set_target_properties(plugreload_${name} PROPERTIES EXPORT_NAME ${name})
    install(TARGETS plugreload_${name} EXPORT plugreload_${name}
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT plugreload_${name} FILE plugreload-${name}.cmake NAMESPACE plugreload::
      DESTINATION ${config_dir})
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/plugreload-config.cmake.in
  ${PROJECT_BINARY_DIR}/plugreload-config.cmake INSTALL_DESTINATION ${config_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the C++ API.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/plugreload-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/plugreload-config.cmake
  ${PROJECT_BINARY_DIR}/plugreload-config-version.cmake DESTINATION ${config_dir})

# A user of the static library links what it is made of; of the shared one, nothing else.
if(core_type STREQUAL "STATIC_LIBRARY")
  set(pc_requires "Requires: absl_cleanup absl_flat_hash_map absl_flat_hash_set absl_strings fmt libcrypto")
  set(pc_libs "-pthread")
  set(pc_etcd_requires " grpc++ protobuf fmt")
  set(pc_goplugin_requires " grpc++ protobuf-lite libcrypto")
  set(pc_sqlite ", sqlite3")
else()
  set(pc_requires "")
  set(pc_libs "")
  set(pc_etcd_requires "")
  set(pc_goplugin_requires "")
  set(pc_sqlite "")
endif()
# Relative to the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(name plugreload plugreload_c plugreload_sqlite plugreload_sqlite_c plugreload_etcd
    plugreload_etcd_c plugreload_goplugin plugreload_goplugin_c)
  if(TARGET ${name})
    configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pkgconfig_dir})
  endif()
endforeach()
