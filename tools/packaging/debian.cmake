# The Debian packages, one of each component.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME revoked)
set(CPACK_PACKAGE_VENDOR "revoked")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "revoked maintainers <maintainers@revoked.example.org>")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_SET_DESTDIR ON)  # for /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
# A package for Debian 13 replaces the one of the same version for Debian 12.
cmake_host_system_information(RESULT distribution QUERY DISTRIB_INFO)
string(REPLACE "debian" "deb" release "${distribution_ID}${distribution_VERSION_ID}")
set(CPACK_DEBIAN_PACKAGE_RELEASE "1~${release}")
set(revoked_package_version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
configure_file(debian/changelog.in ${made}/changelog @ONLY)
revoked_gzip(changelog ${made}/changelog)

# revoked_add_package(<component> <package> SUMMARY <line> TEXT <text> [SECTION <name>] [DEPENDS <packages>]
#                     [CONFFILE <name>] [UNIT <name>])
# UNIT: a service of systemd, which the package starts. CONFFILE: in /etc/revoked.
function(revoked_add_package component package)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "SUMMARY;TEXT;SECTION;DEPENDS;CONFFILE;UNIT" "")
  string(TOUPPER ${component} name)
  set(control)
  if(arg_CONFFILE)
    file(WRITE ${made}/${component}/conffiles "/etc/revoked/${arg_CONFFILE}\n")
    list(APPEND control ${made}/${component}/conffiles)
  endif()
  if(arg_UNIT)
    set(unit ${arg_UNIT})
    foreach(script postinst prerm postrm)
      set(first)
      if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/debian/${component}.${script})
        file(READ debian/${component}.${script} first)
      endif()
      configure_file(debian/${script}.in ${made}/${component}/${script} @ONLY)
      list(APPEND control ${made}/${component}/${script})
    endforeach()
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/debian/${component}.triggers)
    configure_file(debian/${component}.triggers ${made}/${component}/triggers COPYONLY)
    list(APPEND control ${made}/${component}/triggers)
  endif()
  set(documents ${CMAKE_INSTALL_DATADIR}/doc/${package})
  install(FILES ${made}/changelog.gz DESTINATION ${documents} RENAME changelog.Debian.gz COMPONENT ${component})
  install(FILES debian/copyright DESTINATION ${documents} COMPONENT ${component})
  set(CPACK_DEBIAN_${name}_DESCRIPTION "${arg_SUMMARY}\n${arg_TEXT}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${package} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_CONTROL_EXTRA "${control}" PARENT_SCOPE)
  foreach(setting DEPENDS SECTION)
    if(arg_${setting})
      set(CPACK_DEBIAN_${name}_PACKAGE_${setting} "${arg_${setting}}" PARENT_SCOPE)
    endif()
  endforeach()
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} PARENT_SCOPE)
endfunction()

revoked_add_package(engine revoked UNIT revoked CONFFILE revoked.toml
  DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers"
  SUMMARY "engine of API-key revocation"
  TEXT "The system of record for API keys: an acknowledged revocation survives a
crash or power loss, and every connected gateway denies the key within
milliseconds. This is the engine, a service with an HTTP API.")
revoked_add_package(gateway revoked-gateway UNIT revoked-gateway CONFFILE gateway.toml
  SUMMARY "gateway of API-key revocation, beside a proxy"
  TEXT "Answers a proxy (nginx, HAProxy, Caddy, Envoy, Traefik) for each request
whether its API key is active, from memory, and follows the revocations of
the engine in the package revoked.")
revoked_add_package(ctl revokectl CONFFILE revokectl.toml SECTION admin
  SUMMARY "command line of API-key revocation"
  TEXT "Creates, shows and revokes API keys over the HTTP API of the engine in
the package revoked, and shows which gateways enforce it.")
revoked_add_package(library librevoked-gateway0 SECTION libs
  SUMMARY "API-key checks in a process (shared library)"
  TEXT "The gateway of the package revoked-gateway as a library: checks API keys
from memory, and follows the revocations of the engine.")
revoked_add_package(library-dev librevoked-gateway-dev SECTION libdevel
  DEPENDS "librevoked-gateway0 (= ${revoked_package_version})"
  SUMMARY "API-key checks in a process (development files)"
  TEXT "What is needed to compile a program that uses librevoked-gateway0: the
header, the link and the description for pkg-config.")

include(CPack)
